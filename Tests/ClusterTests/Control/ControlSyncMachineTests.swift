import Redis
import Testing

@testable import Cluster

@Suite struct ControlSyncMachineTests {
    private static let second: Int64 = 1_000_000_000

    private func reply(_ state: String, _ newest: String, last: String? = nil, epoch: String = "e1", version: String = "7") -> ControlReply
    {
        ControlReply(.array([state, epoch, version, newest, last ?? newest].map(FakeStore.text)))!
    }

    private func scanned(_ cursor: String, _ entries: [ControlEntry] = []) -> ScanReply {
        ScanReply(.array([FakeStore.text(cursor), .array(entries.flatMap { [FakeStore.text($0.id), FakeStore.stored($0)] })]))!
    }

    private func position(_ event: String, _ epoch: String = "e1") -> ControlPosition { ControlPosition(epoch: epoch, event: event) }

    @Test func `transcript: a first reading, then what changes`() {
        var machine = ControlSyncMachine(now: 0, jitter: 0)
        #expect(machine.wake(position: nil, now: 1) == [.read(question: 1, from: nil)])
        #expect(machine.received(reply("gap", "5-0"), question: 1, now: 2) == [.losePosition, .scan(question: 2, cursor: "0")])
        let a = ControlEntry(id: "a", kind: .warmup, node: "n", created: 1, version: 3)
        #expect(machine.received(scanned("17", [a]), question: 2, now: 3) == [.scan(question: 3, cursor: "17")])
        #expect(machine.received(scanned("0"), question: 3, now: 4) == [.read(question: 4, from: position("5-0"))])
        // Something changed while the scan ran: the position moves on, and what came is part of what was seen.
        let part = ControlReply(.array(["part", "e1", "8", "6-0", "6-0", "b", "4 n "].map(FakeStore.text)))!
        let scan = ControlSyncMachine.Scan(start: position("6-0"), seen: ["a": a.stamp], fields: 1)
        #expect(machine.received(part, question: 4, now: 5) == [.reconcile(scan, version: 8)])
        #expect(machine.phase == .idle)
        #expect(machine.wake(position: position("6-0"), now: 6) == [.read(question: 5, from: position("6-0"))])
        #expect(machine.received(reply("same", "6-0"), question: 5, now: 7) == [.advance(position("6-0"), version: 7, isEnd: true)])
        // A long way behind: parts, until there is no more.
        #expect(machine.wake(position: position("6-0"), now: 8) == [.read(question: 6, from: position("6-0"))])
        #expect(
            machine.received(reply("part", "9-0", last: "8-0"), question: 6, now: 9)
                == [.advance(position("8-0"), version: 7, isEnd: false), .read(question: 7, from: position("8-0"))])
        #expect(machine.received(reply("part", "9-0"), question: 7, now: 10) == [.advance(position("9-0"), version: 7, isEnd: true)])
    }

    @Test func `transcript: answers that come twice or too late have no effect`() {
        var machine = ControlSyncMachine(now: 0, jitter: 0)
        _ = machine.wake(position: position("1-0"), now: 0)
        #expect(machine.received(reply("same", "1-0"), question: 0, now: 1).isEmpty)
        #expect(machine.awaits(1))
        #expect(!machine.awaits(0))
        #expect(machine.received(reply("same", "1-0"), question: 1, now: 1).count == 1)
        #expect(!machine.awaits(1))
        #expect(machine.received(reply("same", "1-0"), question: 1, now: 1).isEmpty)
        _ = machine.wake(position: position("1-0"), now: 2)
        // The answer does not come: the question is given up after three seconds, not before.
        #expect(machine.wake(position: position("1-0"), now: 2 + 2 * Self.second).isEmpty)
        #expect(machine.wake(position: position("1-0"), now: 2 + 3 * Self.second) == [.read(question: 3, from: position("1-0"))])
        #expect(machine.received(reply("gap", "4-0"), question: 2, now: 3 + 3 * Self.second).isEmpty)
        machine.failed(question: 2)
        #expect(machine.phase == .reading)
        machine.failed(question: 3)
        #expect(machine.phase == .idle)
        #expect(machine.received(scanned("0"), question: 3, now: 0).isEmpty)
    }

    @Test func `transcript: a hint during a question leads to another question`() {
        var machine = ControlSyncMachine(now: 0, jitter: 0)
        _ = machine.wake(position: position("1-0"), now: 0)
        #expect(machine.wake(position: position("1-0"), now: 1).isEmpty)
        #expect(
            machine.received(reply("part", "2-0"), question: 1, now: 2)
                == [.advance(position("2-0"), version: 7, isEnd: true), .read(question: 2, from: position("2-0"))])
        #expect(machine.received(reply("same", "2-0"), question: 2, now: 3) == [.advance(position("2-0"), version: 7, isEnd: true)])
    }

    @Test func `transcript: a store that loses its data during the scan is scanned again`() {
        var machine = ControlSyncMachine(now: 0, jitter: 0)
        _ = machine.wake(position: nil, now: 0)
        _ = machine.received(reply("gap", "5-0"), question: 1, now: 0)
        _ = machine.received(scanned("0"), question: 2, now: 0)
        #expect(machine.received(reply("gap", "0-0", epoch: "e2"), question: 3, now: 0).isEmpty)
        #expect(machine.wake(position: nil, now: 1) == [.read(question: 4, from: nil)])
        #expect(
            machine.received(reply("gap", "0-0", epoch: "e2"), question: 4, now: 1) == [.losePosition, .scan(question: 5, cursor: "0")])
        #expect(machine.received(scanned("0"), question: 5, now: 1) == [.read(question: 6, from: position("0-0", "e2"))])
        #expect(
            machine.received(reply("same", "0-0", epoch: "e2"), question: 6, now: 1)
                == [.reconcile(.init(start: position("0-0", "e2")), version: 7)])
    }

    @Test func `the whole store is compared now and then without need`() {
        var machine = ControlSyncMachine(now: 0, jitter: 5)
        #expect(machine.wake(position: position("1-0"), now: ControlSyncMachine.wholeEvery) == [.read(question: 1, from: position("1-0"))])
        machine.failed(question: 1)
        #expect(machine.wake(position: position("1-0"), now: ControlSyncMachine.wholeEvery + 5) == [.read(question: 2, from: nil)])
    }

    @Test func `a store full of something else is not read for ever`() {
        var machine = ControlSyncMachine(now: 0, jitter: 0)
        _ = machine.wake(position: nil, now: 0)
        _ = machine.received(reply("gap", "5-0"), question: 1, now: 0)
        let page = ScanReply(
            .array([FakeStore.text("5"), .array((0..<2_000).flatMap { [FakeStore.text("x\($0)"), FakeStore.text("junk")] })]))!
        var question = 2
        var actions: [ControlSyncMachine.Action] = []
        repeat {
            actions = machine.received(page, question: question, now: 0)
            question += 1
        } while actions == [.scan(question: question, cursor: "5")]
        #expect(actions == [.reportOverflow(fields: 202_000)])
        _ = machine.wake(position: nil, now: 1)
        #expect(machine.received(reply("gap", "5-0"), question: question, now: 2).isEmpty)
        #expect(machine.phase == .idle)
    }

    @Test(arguments: [
        RedisValue.null, .integer(1), .array([]), .array(["same", "e", "1", "1-0"].map(FakeStore.text)),
        .array(["what", "e", "1", "1-0", "1-0"].map(FakeStore.text)),
        .array(["same", "", "1", "1-0", "1-0"].map(FakeStore.text)), .array(["same", "e", "1", "x", "1-0"].map(FakeStore.text)),
        .array(["part", "e", "1", "1-0", "1-0", "lonely"].map(FakeStore.text)), .array([.integer(1), .null, .null, .null, .null]),
    ])
    func `other answers are no answers`(value: RedisValue) {
        #expect(ControlReply(value) == nil)
        #expect(ScanReply(value) == nil)
        #expect(MemberReply(value) == nil)
    }
}
