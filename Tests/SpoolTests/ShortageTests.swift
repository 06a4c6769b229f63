import Message
import Testing

@testable import Spool

/// What a machine can be short of is like a full disk: refused for a moment, and over by itself.
@Suite struct ShortageTests {
    static let calls: [MemoryDisk.Call] = [.open, .allocate, .pwrite, .synchronizeDirectory, .rename]
    static let numbers: [Int32] = [24, 23, 12, 122, 105, 28, 27]  // EMFILE ENFILE ENOMEM EDQUOT ENOBUFS ENOSPC EFBIG

    @Test(arguments: calls, numbers) func everyShortagePasses(call: MemoryDisk.Call, number: Int32) throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk, Machine.options { $0.maxFreeSegments = 1 })
        machine.recover()
        var kept: Set<UInt64> = []
        for n in UInt64(1)...20 {
            _ = try machine.append([Sample.draft(n, size: 900)]).get()
            kept.insert(n)
        }
        disk.fail { made, path in made == call && !path.contains("LEDGER") ? number : nil }
        for n in UInt64(100)...140 {
            switch machine.append([Sample.draft(n, size: 900)]) {
            case .success: kept.insert(n)
            case .failure(let error): #expect(error.code == .full && !error.remedy.isEmpty, "\(error)")
            }
        }
        if case .fenced(let reason) = machine.store.health.withLock({ $0 }) { Issue.record("fenced: \(reason)") }
        machine.housekeep(5)
        disk.fail(nil)
        machine.clock += 3_000_000_000
        machine.housekeep(2)
        for n in UInt64(200)...240 {
            _ = try machine.append([Sample.draft(n, size: 900)]).get()
            kept.insert(n)
        }
        #expect(machine.store.health.withLock { $0 } == .ok && machine.writer.room.said == .good)
        machine.settle()
        let again = try Machine(disk.clone())
        #expect(Set(again.recover().found.map(\.id.low)) == kept)
        #expect(again.store.damages.withLock { $0.items }.isEmpty, "\(again.store.damages.withLock { $0.items })")
    }

    /// No call is made for each message while something is short, and a done mark is written all the same when it can be.
    @Test func aShortageIsBelievedForAMoment() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        for n in UInt64(1)...14 { _ = try machine.append([Sample.draft(n, size: 900)]).get() }
        let tries = Guarded(0)
        disk.fail { call, path in
            guard call == .open, path.contains("segments/") else { return nil }
            tries.withLock { $0 += 1 }
            return 24
        }
        for n in UInt64(100)...400 { _ = machine.append([Sample.draft(n, size: 900)]) }  // 1 ms apart
        #expect((1...2).contains(tries.withLock { $0 }))
        guard case .failure(let error) = machine.append([Sample.draft(500)]) else {
            Issue.record("taken")
            return
        }
        #expect(error.detail.contains("open files") && error.remedy.contains("LimitNOFILE"))
        let handle = machine.store.state.withLock { state in state.index.handle(state.index.find(Sample.id(1))!) }
        machine.commit([.done(handle)])
        #expect(machine.writer.waiting.isEmpty)
    }

    @Test func readsThatAreShortOfSomethingAreAskedForAgain() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        let handle = try machine.append([Sample.draft(1)]).get()[0]
        for number in Self.numbers where number != 28 && number != 122 && number != 27 {
            disk.fail { call, _ in call == .pread ? number : nil }
            guard case .failure(let error) = machine.reader.message(handle) else {
                Issue.record("read")
                continue
            }
            #expect(error.code == .overloaded)
        }
        disk.fail { call, _ in call == .pread ? 5 : nil }
        guard case .failure(let error) = machine.reader.message(handle) else { return }
        #expect(error.code == .io)
    }

    @Test func oneLineAtEachChange() {
        var report = RoomReport()
        let second: Int64 = 1_000_000_000
        #expect(report.room(now: 0) == nil)
        guard case .trouble = report.trouble(.low, now: 1) else {
            Issue.record("silent")
            return
        }
        for n in 0..<100 { #expect(report.trouble(.low, now: Int64(n)) == nil) }
        guard case .trouble(let remedy)? = report.trouble(.short(.descriptors), now: second) else {
            Issue.record("silent")
            return
        }
        #expect(remedy.contains("LimitNOFILE") && report.isShort(now: second + 1) && !report.isShort(now: 2 * second))
        #expect(report.room(now: 2 * second) == nil)
        #expect(report.trouble(.short(.descriptors), now: 2 * second) == nil)
        #expect(report.room(now: 3 * second) == nil)
        #expect(report.room(now: 4 * second) == .over)
        #expect(report.room(now: 5 * second) == nil)
    }
}
