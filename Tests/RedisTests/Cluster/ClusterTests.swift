import RedisFixture
import TestSupport
import Testing

@testable import Redis

@Suite(.serialized) struct ClusterTests {
    static let mark = RedisScript("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")

    @Test func routesByKey() async throws {
        let cluster = try await TestCluster()
        try await TestClient.with([cluster.url]) { client async throws in
            try await client.expectReady()
            let keys = (0..<300).map { "key:{\($0)}:x" }
            try await expectEventually("all masters are connected") {
                for key in keys where try await client.runID(key) == nil { return false }
                return true
            }
            for key in keys.prefix(20) { #expect(try await client.runID(key) == (try cluster.masters[cluster.home(key)].runIDNow)) }
            let before = client.client.statistics
            let results = try await client.batch(keys.map { RedisCommand(["SET", $0, $0]) })
            #expect(results.commands == Array(repeating: .success(.simple("OK")), count: 300))
            let after = client.client.statistics
            #expect(after.roundTrips - before.roundTrips == 3, "one write per server")
            #expect(after.commands - before.commands == 300, "nothing was redirected")
            let calls = keys.map { ScriptCall(script: Self.mark, keys: [$0, $0 + "b"], arguments: [$0], runID: nil) }
            #expect(try await client.batch([], calls).scripts == keys.map { .success(.bytes(Array($0.utf8))) })

            guard case .failure(.server(let text)) = try await client.script(Self.mark, ["a", "b"], ["x"]) else {
                Issue.record("keys of two slots were accepted")
                return
            }
            #expect(text.hasPrefix("CROSSSLOT"))
            let report = await client.client.check()
            #expect(report.isUsable && report.servers.count == 3, "\(report)")
        }
    }

    /// A slot that has moved: commands follow, a script fails once, then goes the right way.
    @Test func movedAndAsk() async throws {
        let cluster = try await TestCluster()
        let tag = try #require((0..<1_000).map { "{t\($0)}" }.first { cluster.home($0) == 0 })
        let other = try #require((0..<1_000).map { "{u\($0)}" }.first { cluster.home($0) == 0 && KeySlot.of($0) != KeySlot.of(tag) })
        try await TestClient.with([cluster.url]) { client async throws in
            try await client.expectReady()
            #expect(try await client.command("SET", tag + "old", "1") == .success(.simple("OK")))
            let (from, to) = (cluster.masters[0], cluster.masters[1])
            let slot = "\(KeySlot.of(tag))"
            try to.command(["CLUSTER", "SETSLOT", slot, "IMPORTING", from.nodeID])
            try from.command(["CLUSTER", "SETSLOT", slot, "MIGRATING", to.nodeID])
            // On the move: what is still there is served there, what is not is asked for at the new place.
            #expect(try await client.command("GET", tag + "old") == .success(.bytes([0x31])))
            #expect(try await client.command("SET", tag + "new", "2") == .success(.simple("OK")))
            #expect(try await client.command("GET", tag + "new") == .success(.bytes([0x32])))
            #expect(try await client.script(Self.mark, [tag + "script"], ["3"]) == .failure(.moved))
            try from.command(["MIGRATE", "127.0.0.1", "\(to.port)", tag + "old", "0", "1000"])
            for server in cluster.masters.reversed() { try server.command(["CLUSTER", "SETSLOT", slot, "NODE", to.nodeID]) }
            let results = try await client.batch([RedisCommand(["GET", tag + "old"]), RedisCommand(["GET", tag + "new"])])
            #expect(results.commands == [.success(.bytes([0x31])), .success(.bytes([0x32]))])
            #expect(try await client.script(Self.mark, [tag + "script"], ["3"]) == .success(.bytes([0x33])))

            // The same for a script alone: the first call is not executed anywhere, the second is.
            let second = "\(KeySlot.of(other))"
            try to.command(["CLUSTER", "SETSLOT", second, "IMPORTING", from.nodeID])
            for server in [to, from] { try server.command(["CLUSTER", "SETSLOT", second, "NODE", to.nodeID]) }
            #expect(try await client.script(Self.mark, [other], ["4"]) == .failure(.moved))
            #expect(try await client.script(Self.mark, [other], ["5"]) == .success(.bytes([0x35])))
            #expect(try await client.runID(other) == (try to.runIDNow))
        }
    }

    /// A master dies, its replica takes over.
    @Test func failover() async throws {
        let cluster = try await TestCluster(replicas: 1)
        let key = try #require((0..<1_000).map { "k\($0)" }.first { cluster.home($0) == 0 })
        let elsewhere = try #require((0..<1_000).map { "k\($0)" }.first { cluster.home($0) == 2 })
        let heard = SubscriptionTests.Heard()
        try await TestClient.with([cluster.url]) { client async throws in
            client.client.subscribe("news") { heard.add($0) }
            try await client.expectReady()
            try await expectEventually("connected") { try await client.runID(key) != nil }
            let old = try #require(try await client.runID(key))
            try await expectEventually("subscribed") { !heard.all.isEmpty }
            _ = try await client.command("PUBLISH", "news", "x", key: nil)
            try await expectEventually("a message") { heard.all.last == "x" }
            cluster.masters[0].kill()
            guard case .failure = try await client.script(Self.mark, [key], ["1"], runID: old) else {
                Issue.record("a dead server answered")
                return
            }
            #expect(try await client.command("SET", elsewhere, "1") == .success(.simple("OK")), "the others go on")
            try await expectEventually("the replica serves", within: .seconds(20)) {
                try await client.command("SET", key, "2", timeout: .milliseconds(300)) == .success(.simple("OK"))
            }
            #expect(try await client.runID(key) == (try cluster.replicas[0].runIDNow))
            #expect(try await client.script(Self.mark, [key], ["3"], runID: old) == .failure(.runChanged))
            #expect(try await client.isRefused() == false)
        }
    }

    @Test func nobodyThere() async throws {
        let port = RedisServer.freePort()
        try await TestClient.with(["redis-cluster://127.0.0.1:\(port)"]) { client async throws in
            #expect(try await client.command("GET", "k", timeout: .milliseconds(100)) == .failure(.timeout))
            #expect(try await client.isRefused() == false)
            #expect(await client.client.check().problems.count == 1)
        }
        let single = try await RedisServer()
        try await TestClient.with([single.url], cluster: true) { client async throws in
            let report = await client.client.check()
            #expect(report.problems.contains { $0.contains("not a member of a Redis Cluster; use redis://") }, "\(report)")
        }
        let bare = try await RedisServer(["--cluster-enabled", "yes"])
        try bare.command(["CLUSTER", "ADDSLOTSRANGE", "0", "99"])
        try await TestClient.with(["redis-cluster://127.0.0.1:\(port),127.0.0.1:\(bare.port)"]) { client async throws in
            let report = await client.client.check()
            #expect(report.problems.contains { $0.contains("only 100 of 16384 slots") }, "\(report)")
        }
    }
}
