import NIOCore
import Redis
import Testing

@testable import Cluster

/// Random histories of three to five nodes on paper time. After quiet all nodes agree with each other and with the store, nothing that
/// was issued is lost, and what was removed stays removed.
@Suite struct ConvergenceTests {
    @Test(arguments: Array(UInt64(1)...40) + [88, 236]) func `all nodes agree after quiet`(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let cluster = try FakeCluster(Int.random(in: 3...5, using: &random), seed: seed)
        cluster.store.streamLimit = Int.random(in: 3...40, using: &random)
        cluster.store.scanCount = 3
        cluster.hasHints = !random.oneIn(3)
        for index in cluster.nodes.indices {
            cluster.nodes[index].skew = Int64.random(in: -5...5, using: &random) * WallClock.second
            cluster.nodes[index].bus.faults = FakeBus.Faults(
                loseRequest: 12, loseReply: 9, silent: 4, repeatReply: 5, late: 25, delay: 1...Int64.random(in: 2...400, using: &random))
        }
        var expected: [String: Int64?] = [:]  // id -> end
        var removed: Set<String> = []
        var backup = cluster.store.content
        for step in 0..<250 {
            let index = Int.random(in: cluster.nodes.indices, using: &random)
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<14:
                guard let state = cluster.nodes[index].state else { break }
                let end: Int64? = random.oneIn(3) ? cluster.wall.now + Int64.random(in: 10...300, using: &random) * WallClock.second : nil
                let made = try state.issue(
                    ControlEntry(kind: .suspend, scope: ControlScope(domain: "d\(step)"), issuer: "test", expires: end))
                expected[made.id] = end
            case 14..<24:
                guard let state = cluster.nodes[index].state else { break }
                _ = try state.issue(ControlEntry(id: "fact:\(Int.random(in: 0..<4, using: &random))", kind: .brokenTLS, payload: "\(step)"))
            case 24..<31:
                guard let state = cluster.nodes[index].state, let entry = state.entries.randomElement(using: &random) else { break }
                #expect(try state.remove(id: entry.id, issuer: "test"))
                if !entry.id.hasPrefix("fact") { removed.insert(entry.id) }
            case 31..<34: cluster.crash(index)
            case 34..<41: if cluster.nodes[index].state == nil { try cluster.start(index) }
            case 41..<44: cluster.nodes[index].bus.isDown.toggle()
            case 44: cluster.store.flush()
            case 45, 46: backup = cluster.store.content
            case 47: cluster.store.content = backup
            case 48..<56: cluster.nodes[index].state?.writeOutbox()
            default: break
            }
            cluster.pass(milliseconds: Int64.random(in: 1...600, using: &random))
        }
        for index in cluster.nodes.indices {
            cluster.nodes[index].bus.isDown = false
            cluster.nodes[index].bus.faults = FakeBus.Faults()
            if cluster.nodes[index].state == nil { try cluster.start(index) }
        }
        cluster.pass(milliseconds: 30_000)
        let views = cluster.views
        let now = cluster.wall.now
        let horizon = 10 * WallClock.second  // the wall clocks differ
        func lasting(_ view: [ControlEntry], _ now: Int64) -> [String] {
            view.filter { ($0.expires ?? .max) > now + horizon }.map { "\($0.id) v\($0.version) of \($0.node): \($0.payload)" }
        }
        for view in views { #expect(lasting(view, now) == lasting(views[0], now), "seed \(seed)") }
        let stored = (cluster.store.content.hashes["apus:1:{c}:entries"] ?? [:]).values.compactMap { StoredEntry(.bytes($0)).entry }
        #expect(lasting(stored.filter { !$0.isRemoved }, now).sorted() == lasting(views[0], now).sorted(), "seed \(seed)")
        let held = Set(views[0].map(\.id))
        for (id, end) in expected where !removed.contains(id) && (end ?? .max) > now + horizon {
            #expect(held.contains(id), "seed \(seed): \(id) was lost")
        }
        for id in removed { #expect(!held.contains(id), "seed \(seed): \(id) came back") }
        for (id, end) in expected { if let end, end < now - horizon { #expect(!held.contains(id), "seed \(seed): \(id) did not end") } }
        for node in cluster.nodes { #expect(node.state?.status.pending == 0, "seed \(seed)") }
        // The same after a restart of all nodes and of an empty store.
        for index in cluster.nodes.indices {
            cluster.state(index).writeOutbox()
            cluster.crash(index)
        }
        cluster.store.flush()
        for index in cluster.nodes.indices { try cluster.start(index) }
        cluster.pass(milliseconds: 10_000)
        let later = cluster.wall.now
        for view in cluster.views { #expect(lasting(view, later) == lasting(views[0], later), "seed \(seed)") }
    }

    @Test func `a rule issued while the store is away acts at once, and reaches the others later`() throws {
        let cluster = try FakeCluster(3)
        let queue = QueueParts(name: "a", domain: "a")
        cluster.pass(milliseconds: 3_000)
        for node in cluster.nodes { node.bus.isDown = true }
        let made = try cluster.state(1).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "a")))
        #expect(cluster.state(1).suspension(of: queue) == made)
        cluster.pass(milliseconds: 5_000)
        #expect(cluster.state(0).suspension(of: queue) == nil)
        cluster.crash(1)
        cluster.store.flush()
        try cluster.start(1)
        #expect(cluster.state(1).suspension(of: queue) == made)
        for node in cluster.nodes { node.bus.isDown = false }
        cluster.pass(milliseconds: 4_500)
        for index in 0..<3 { #expect(cluster.state(index).suspension(of: queue) == made) }
        #expect(!cluster.state(1).isPending(id: made.id))
    }

    @Test func `with hints a suspension is known within a second, without within a poll`() throws {
        for (hasHints, limit) in [(true, Int64(1_000)), (false, 2_600)] {
            let cluster = try FakeCluster(4)
            cluster.hasHints = hasHints
            cluster.pass(milliseconds: 2_500)
            let made = try cluster.state(2).issue(ControlEntry(kind: .suspend, scope: ControlScope(tenant: "t")))
            cluster.pass(milliseconds: limit)
            for index in 0..<4 { #expect(cluster.state(index).entry(id: made.id) == made) }
        }
    }

    @Test func `the later word wins, though its node had not heard the other yet`() throws {
        let cluster = try FakeCluster(2)
        cluster.pass(milliseconds: 2_500)
        let first = try cluster.state(0).issue(ControlEntry(id: "x", kind: .suspend, scope: ControlScope(domain: "a")))
        cluster.pass(milliseconds: 2_500)
        #expect(cluster.state(1).entry(id: "x") == first)
        cluster.hasHints = false
        // Three changes that node 1 does not hear of, then its own.
        for _ in 0..<3 {
            _ = try cluster.state(0).issue(ControlEntry(id: "x", kind: .suspend, scope: ControlScope(domain: "a")))
            cluster.pass(milliseconds: 50)
        }
        #expect(cluster.state(1).entry(id: "x") == first)
        #expect(try cluster.state(1).remove(id: "x", issuer: "joe"))
        cluster.pass(milliseconds: 4_500)
        #expect(cluster.views == [[], []])
        #expect(cluster.nodes.map { $0.state?.status.pending } == [0, 0])
    }

    @Test func `an old word does not win over what others said since`() throws {
        let cluster = try FakeCluster(2)
        cluster.pass(milliseconds: 2_500)
        cluster.nodes[1].bus.isDown = true
        _ = try cluster.state(1).issue(ControlEntry(id: "fact:x", kind: .brokenTLS, payload: "\"old\""))
        cluster.pass(milliseconds: 1_000)
        for number in 0..<3 { _ = try cluster.state(0).issue(ControlEntry(id: "fact:x", kind: .brokenTLS, payload: "\(number)")) }
        cluster.pass(milliseconds: 2_000)
        cluster.nodes[1].bus.isDown = false
        cluster.pass(milliseconds: 5_000)
        #expect(cluster.views.map { $0.map(\.payload) } == [["2"], ["2"]])
    }

    @Test(arguments: [(Int64(3), false), (8, false), (8, true)])
    func `a removal reaches a node that was away for days`(days: Int64, storeIsNew: Bool) throws {
        let cluster = try FakeCluster(2)
        _ = try cluster.state(0).issue(ControlEntry(id: "gone", kind: .warmup))
        _ = try cluster.state(0).issue(ControlEntry(id: "stays", kind: .warmup))
        cluster.pass(milliseconds: 5_000)
        cluster.state(1).writeOutbox()
        cluster.crash(1)
        #expect(try cluster.state(0).remove(id: "gone", issuer: "joe"))
        cluster.pass(milliseconds: 3_000)
        for _ in 0..<days {
            cluster.skip(days: 1)
            cluster.pass(milliseconds: 5_000)
        }
        if days > 7 {
            // The comparison of every ten minutes clears the tombstone away.
            cluster.skip(days: 1)
            for _ in 0..<160 { cluster.pass(milliseconds: 5_000) }
            #expect(cluster.store.content.hashes["apus:1:{c}:entries"]?["gone"] == nil)
        }
        if storeIsNew { cluster.store.flush() }
        try cluster.start(1)
        cluster.pass(milliseconds: 5_000)
        // Of a new store and a long absence nobody can tell; a rule too many is the safe side.
        let expected = storeIsNew ? ["gone", "stays"] : ["stays"]
        #expect(cluster.views.map { $0.map(\.id).sorted() } == [expected, expected])
    }

    @Test func `facts travel, are replaced by the newer one, and end`() throws {
        let cluster = try FakeCluster(3)
        cluster.pass(milliseconds: 2_500)
        let kinds: [(ControlKind, String)] = [
            (.sourceHealth, "source_health:ip-1"), (.brokenTLS, "broken_tls:mx.example"), (.warmup, "warmup:ip-1"),
            (.automation, "automation:rule-1:mx.example"), (.configGeneration, "config_generation"),
        ]
        for (number, (kind, id)) in kinds.enumerated() {
            let end = cluster.wall.now + 60 * WallClock.second
            _ = try cluster.state(number % 3).issue(ControlEntry(id: id, kind: kind, payload: "{\"v\":1}", expires: end))
        }
        cluster.pass(milliseconds: 1_000)
        for view in cluster.views { #expect(view.map(\.payload) == Array(repeating: "{\"v\":1}", count: 5)) }
        _ = try cluster.state(2).issue(ControlEntry(id: "warmup:ip-1", kind: .warmup, payload: "{\"v\":2}"))
        cluster.pass(milliseconds: 1_000)
        for node in cluster.nodes {
            #expect(node.state?.entry(id: "warmup:ip-1")?.payload == "{\"v\":2}")
            #expect(node.state?.entries(of: .brokenTLS).map(\.id) == ["broken_tls:mx.example"])
        }
        cluster.pass(milliseconds: 62_000)
        for view in cluster.views { #expect(view.map(\.id) == ["warmup:ip-1"]) }
    }

    @Test func `something unreadable in the store does not stand in the way`() throws {
        let cluster = try FakeCluster(2)
        let made = try cluster.state(0).issue(ControlEntry(id: "x", kind: .warmup))
        cluster.pass(milliseconds: 3_000)
        cluster.store.content.hashes["apus:1:{c}:entries"]!["x"] = Array("500 zzz 1-1 {\"broken".utf8)
        cluster.store.content.hashes["apus:1:{c}:entries"]!["y"] = Array("junk".utf8)
        cluster.store.content.texts["apus:1:{c}:version"] = "banana"
        cluster.store.content.streams["apus:1:{c}:events"] = []
        cluster.pass(milliseconds: 6_000)
        #expect(cluster.views.map { $0.map(\.id) } == [["x"], ["x"]])
        #expect(cluster.state(0).entry(id: "x")!.version > max(made.version, 500))
        #expect(cluster.nodes.map { $0.state?.status.pending } == [0, 0])
        let again = try cluster.state(1).issue(ControlEntry(id: "y", kind: .warmup))
        cluster.pass(milliseconds: 3_000)
        #expect(cluster.state(0).entry(id: "y") == again)
    }

    @Test func `a quiet node asks once per poll`() throws {
        let cluster = try FakeCluster(1)
        cluster.pass(milliseconds: 10_000)
        let before = cluster.nodes[0].bus.submissions
        cluster.pass(milliseconds: 60_000)
        #expect((29...31).contains(cluster.nodes[0].bus.submissions - before))
    }
}
