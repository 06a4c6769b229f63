import RedisFixture
import TestSupport
import Testing

@testable import Redis

@Suite(.serialized) struct SentinelTests {
    /// *Shared*: constant. A master, a replica, and a Sentinel that acts alone.
    struct Trio {
        let master: RedisServer
        let replica: RedisServer
        let sentinel: RedisServer

        init(extra: String = "") async throws {
            master = try await RedisServer()
            replica = try await RedisServer(["--replicaof", "127.0.0.1 \(master.port)", "--repl-diskless-sync-delay", "0"])
            sentinel = try await RedisServer(
                sentinel: """
                    sentinel monitor main 127.0.0.1 \(master.port) 1
                    sentinel down-after-milliseconds main 400
                    sentinel failover-timeout main 2000
                    \(extra)
                    """)
            let replica = self.replica
            try await expectEventually("the replica is in step") {
                try replica.command(["INFO", "replication"]).contains("master_link_status:up")
            }
        }

        /// The URL; first a Sentinel that does not exist.
        var url: String { "redis+sentinel://127.0.0.1:\(RedisServer.freePort()),127.0.0.1:\(sentinel.port)/main" }

        func sentinelKnowsReplica(_ login: [String]? = nil) async throws {
            try await expectEventually("the Sentinel knows the replica", within: .seconds(15)) {
                try sentinel.command(["SENTINEL", "master", "main"], password: login).contains("num-slaves\r\n$1\r\n1\r\n")
            }
        }
    }

    @Test func failover() async throws {
        let trio = try await Trio()
        try await TestClient.with([trio.url]) { client async throws in
            try await client.expectReady()
            #expect(try await client.runID() == (try trio.master.runIDNow))
            #expect(await client.client.check().isUsable)
            try await trio.sentinelKnowsReplica()
            #expect(try await client.command("SET", "k", "v") == .success(.simple("OK")))
            let old = try #require(try await client.runID())
            trio.master.kill()
            try await expectEventually("the replica is the master", within: .seconds(20)) {
                try await client.command("SET", "k", "w", timeout: .milliseconds(200)) == .success(.simple("OK"))
            }
            let new = try trio.replica.runIDNow
            #expect(try await client.runID() == new && new != old)
            #expect(try await client.script(RedisScript("return 1"), ["k"], runID: old) == .failure(.runChanged))
            #expect(try await client.isRefused() == false)
        }
    }

    /// Nothing breaks here: the old master lives on, only the Sentinel says that it is no longer the one.
    @Test func switchMaster() async throws {
        let trio = try await Trio()
        let heard = SubscriptionTests.Heard()
        try await TestClient.with([trio.url]) { client async throws in
            client.client.subscribe("news") { heard.add($0) }
            try await client.expectReady()
            try await trio.sentinelKnowsReplica()
            // Asked now: a server that changes its role breaks all connections.
            let other = try trio.replica.runIDNow
            #expect(try trio.sentinel.command(["SENTINEL", "FAILOVER", "main"]).hasPrefix("+OK"))
            try await expectEventually("the other one is used", within: .seconds(15)) {
                try await client.runID() == other
            }
            #expect(try await client.command("SET", "k", "v") == .success(.simple("OK")))
        }
    }

    /// The Sentinel goes away and comes back: the connection to the master does not care.
    @Test func sentinelRestarts() async throws {
        let trio = try await Trio()
        try await TestClient.with([trio.url]) { client async throws in
            try await client.expectReady()
            trio.sentinel.kill()
            #expect(try await client.command("SET", "k", "v") == .success(.simple("OK")))
            try await trio.sentinel.start()
            try await trio.sentinelKnowsReplica()
            try await expectEventually("listening again") {
                try trio.sentinel.command(["CLIENT", "LIST"]).contains(" sub=1 ")
            }
            #expect(client.client.statistics.reconnects == 0)
        }
    }

    @Test func passwordsAndNames() async throws {
        let trio = try await Trio(extra: "requirepass secret")
        for server in [trio.master, trio.replica] { try server.command(["CONFIG", "SET", "requirepass", "secret"]) }
        try await TestClient.with([trio.url], password: "secret") { client async throws in
            try await client.expectReady()
        }
        try await TestClient.with(["redis+sentinel://127.0.0.1:\(trio.sentinel.port)/nobody"], password: "secret") { client async throws in
            guard case .failure(.server(let text)) = try await client.command("GET", "k", timeout: .seconds(5)) else {
                Issue.record("a master without a name")
                return
            }
            #expect(text.contains("no Sentinel knows a master named nobody"))
            #expect(await client.client.check().problems.first?.contains("no Sentinel names a master") == true)
        }
        // A Sentinel is no server, and says so.
        try await TestClient.with(["redis://:secret@127.0.0.1:\(trio.sentinel.port)"]) { client async throws in
            #expect(await client.client.check().problems.contains { $0.contains("is a Sentinel") })
            guard case .failure(.server(let text)) = try await client.command("GET", "k", timeout: .seconds(5)) else {
                Issue.record("a Sentinel serves keys")
                return
            }
            #expect(text.contains("Sentinel"))
        }
    }
}
