import NIOCore
import NIOEmbedded
import Redis
import Synchronization
import Testing

@testable import Cluster

@Suite struct MembershipTests {
    /// Members and one store on paper time.
    private final class World {
        let loop = EmbeddedEventLoop()
        let store = FakeStore()
        var buses: [FakeBus] = []
        private var members: [ClusterMembership] = []

        func member(_ node: String, _ incarnation: UInt64, _ change: (inout MemberRecord) -> Void = { _ in }) -> ClusterMembership {
            let bus = FakeBus(loop: loop, store: store, seed: incarnation)
            buses.append(bus)
            var record = MemberRecord(node: node, incarnation: incarnation)
            change(&record)
            let member = ClusterMembership(prefix: "apus", record: record, bus: bus, loop: loop)
            members.append(member)
            member.start()
            loop.run()
            return member
        }

        func pass(milliseconds: Int64) {
            for _ in 0..<(milliseconds / 100) {
                store.now += 100
                loop.advanceTime(by: .milliseconds(100))
            }
        }
    }

    @Test func `transcript: alive, suspect, gone, forgotten`() {
        let world = World()
        let a = world.member("a", 1) {
            $0.address = "10.0.0.1:8000"
            $0.zone = "z\"1"
            $0.version = "1.2"
            $0.spools = ["s1", "s2"]
        }
        _ = world.member("b", 2)
        let start = world.store.now
        world.pass(milliseconds: 4_300)
        #expect(a.members.map(\.node) == ["a", "b"])
        #expect(a.members[0].address == "10.0.0.1:8000")
        #expect(a.members[0].zone == "z\"1")
        #expect(a.members[0].spools == ["s1", "s2"])
        #expect(a.members.filter { $0.status == .alive && $0.joined / 1_000_000 - start < 2_300 && !$0.isContested }.count == 2)
        a.update { $0.state = "draining" }
        world.buses[1].isDown = true
        world.pass(milliseconds: 6_100)
        #expect(a.members.map(\.state) == ["draining", "ready"])
        #expect(a.members.map(\.status) == [.alive, .suspect])
        world.pass(milliseconds: 10_000)
        #expect(a.members.map(\.status) == [.alive, .gone])
        world.store.now += 24 * 3_600_000
        world.pass(milliseconds: 5_000)
        #expect(a.members.map(\.node) == ["a"])
    }

    @Test func `leaving and forgetting take the record away, but not that of the living`() {
        let world = World()
        let a = world.member("a", 1)
        let b = world.member("b", 2)
        _ = world.member("c", 3)
        world.pass(milliseconds: 3_000)
        let answers = Mutex<[String: Bool]>([:])
        b.leave { isDone in answers.withLock { $0["leave"] = isDone } }
        a.forget("c") { isDone in answers.withLock { $0["forget alive"] = isDone } }
        world.pass(milliseconds: 3_000)
        #expect(a.members.map(\.node) == ["a", "c"])
        world.buses[2].isDown = true
        world.pass(milliseconds: 16_000)
        a.forget("c") { isDone in answers.withLock { $0["forget gone"] = isDone } }
        world.pass(milliseconds: 3_000)
        #expect(a.members.map(\.node) == ["a"])
        #expect(answers.withLock { $0 } == ["leave": true, "forget alive": false, "forget gone": true])
    }

    @Test func `two living processes of one node are detected, a restart is not`() {
        let world = World()
        let other = world.member("z", 99)
        let old = world.member("a", 1)
        world.pass(milliseconds: 5_000)
        old.leave { _ in }
        let new = world.member("a", 2)
        world.pass(milliseconds: 10_000)
        #expect(other.members.filter(\.isContested).isEmpty)
        #expect(new.members.first?.incarnation == 2)
        world.pass(milliseconds: 700)
        let rival = world.member("a", 3)
        world.pass(milliseconds: 10_000)
        #expect(other.members.filter(\.isContested).map(\.node) == ["a"])
        rival.leave { _ in }
        world.pass(milliseconds: 40_000)
        #expect(other.members.filter(\.isContested).isEmpty)
    }

    @Test func `one late message of an old process is no second process`() {
        let store = FakeStore()
        func beat(_ incarnation: String) -> Bool? {
            store.now += 500
            let call = ScriptCall(
                script: MemberScripts.heartbeat, keys: ["m"], arguments: ["a", incarnation, "{}", "0", "86400000", "5000"], runID: nil)
            return (try? store.run(call).get()).flatMap(MemberReply.init)?.isContested
        }
        #expect(["1", "1", "2", "1", "2", "2"].map(beat) == [false, false, false, false, true, true])
        store.now += 60_000
        #expect(["2", "3", "3", "2", "3"].map(beat) == [false, false, false, false, true])
    }

    @Test func `when the store is away the last known members stand, and grow old`() {
        let world = World()
        let a = world.member("a", 1)
        _ = world.member("b", 2)
        #expect(a.isStale)
        world.pass(milliseconds: 5_000)
        #expect(!a.isStale)
        for bus in world.buses { bus.isDown = true }
        world.pass(milliseconds: 20_000)
        #expect(a.members.map(\.status) == [.alive, .alive])
        #expect(a.members[1].lastSeen > 18_000)
        #expect(a.isStale)
        world.store.flush()
        for bus in world.buses { bus.isDown = false }
        world.pass(milliseconds: 5_000)
        #expect(a.members.map(\.node) == ["a", "b"])
        #expect(!a.isStale)
    }

    @Test func `heartbeats go on over a bad line`() {
        let world = World()
        let a = world.member("a", 1)
        _ = world.member("b", 2)
        for bus in world.buses {
            bus.faults = FakeBus.Faults(loseRequest: 5, loseReply: 5, silent: 2, repeatReply: 3, late: 9, delay: 1...50)
        }
        world.pass(milliseconds: 60_000)
        for bus in world.buses { bus.faults = FakeBus.Faults() }
        world.pass(milliseconds: 10_000)
        #expect(a.members.map(\.status) == [.alive, .alive])
        #expect(a.members.filter(\.isContested).isEmpty)
    }

    @Test(arguments: [
        "", "x", "1 2 3 4 5 {}", "1 2 3 4 5 6", "1 2 3 4 5 6 ", "1 2 3 4 5 6 []", "1 2 3 4 5 6 {\"zone\":1}",
        "1 2 3 4 5 6 {\"zone\":\"\\u0001\"}",
        "99999999999999999999 2 3 4 5 6 {}", "9223372036854775807 2 3 4 5 6 {}", "-1 2 3 4 5 6 {}", "1 2 3 4 5 6 {} x",
    ])
    func `records of somebody else are skipped`(field: String) {
        #expect(MemberReply.record("a", Array(field.utf8), now: 1_000) == nil)
        let reply = MemberReply(.array(["5", "2", "0", "x", field, "y", "4 2 3 4 5 0 {}"].map(FakeStore.text)))
        #expect(reply?.members?.map(\.node) == ["y"])
        #expect(reply?.flawed == 1)
    }

    @Test func `a large cluster is read less often`() {
        let world = World()
        let field = Array("\(world.store.now) 1 1 0 0 0 {}".utf8)
        for number in 0..<500 { world.store.content.hashes["apus:1:{c}:members", default: [:]]["n\(number)"] = field }
        let a = world.member("a", 1)
        world.pass(milliseconds: 1_000)
        #expect(a.members.count == 501)
        let before = a.members[0].lastSeen
        world.pass(milliseconds: 8_000)
        #expect(a.members[0].lastSeen >= before + 7_900, "not read again within ten seconds")
        world.pass(milliseconds: 4_000)
        #expect(a.members[0].lastSeen < 3_000)
    }
}
