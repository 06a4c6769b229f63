import RedisFixture
import TestSupport
import Testing

@testable import Redis

@Suite struct SingleServerTests {
    static let echo = RedisScript("return {KEYS[1], ARGV[1]}")

    @Test func commandsAndScripts() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url]) { client async throws in
            try await client.expectReady()
            #expect(try await client.command("SET", "k", "v") == .success(.simple("OK")))
            #expect(try await client.command("GET", "k") == .success(.bytes([0x76])))
            #expect(try await client.command("GET", "none") == .success(.null))
            #expect(try await client.command("INCR", "n") == .success(.integer(1)))
            guard case .failure(.server(let text)) = try await client.command("INCR", "k") else {
                Issue.record("an error is no success")
                return
            }
            #expect(text.hasPrefix("ERR value is not an integer"))
            let binary = RedisCommand(bytes: [Array("SET".utf8), [0, 255, 13, 10], [10, 0]], key: 1)
            #expect(try await client.batch([binary]).commands == [.success(.simple("OK"))])
            let empty = try await client.batch([])
            #expect(empty.commands.isEmpty && empty.scripts.isEmpty)
            #expect(try await client.batch([RedisCommand([])]).commands == [.failure(.tooLarge)])
            #expect(try server.command(["CLIENT", "LIST"]).contains("name=test-client"))
            let runID = try #require(try await client.runID())
            #expect(try server.command(["INFO", "server"]).contains("run_id:\(runID)"))
        }
    }

    /// A batch is one write, whatever is in it; a script the server does not know costs one more, for all together.
    @Test func oneWritePerBatch() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url]) { client async throws in
            try await client.expectReady()
            let before = client.client.statistics
            let commands = (0..<100).map { RedisCommand(["SET", "k\($0)", "\($0)"]) }
            let scripts = (0..<10).map { ScriptCall(script: Self.echo, keys: ["k\($0)"], arguments: ["\($0)"], runID: nil) }
            let results = try await client.batch(commands, scripts)
            #expect(results.commands == Array(repeating: .success(.simple("OK")), count: 100))
            #expect(results.scripts == (0..<10).map { .success(.array([.bytes(Array("k\($0)".utf8)), .bytes(Array("\($0)".utf8))])) })
            let middle = client.client.statistics
            #expect(middle.roundTrips - before.roundTrips == 2)
            #expect(middle.commands - before.commands == 120)
            _ = try await client.batch(commands, scripts)
            #expect(client.client.statistics.roundTrips - middle.roundTrips == 1)
            // A large batch arrives in several reads: the order must hold.
            let many = (0..<20_000).map { RedisCommand(["ECHO", "\($0)"], key: nil) }
            let echoed = try await client.batch(many, timeout: .seconds(30)).commands
            #expect(echoed == (0..<20_000).map { .success(.bytes(Array("\($0)".utf8))) })
        }
    }

    @Test func scriptFlushFallsBack() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url]) { client async throws in
            try await client.expectReady()
            let expected: Result<RedisValue, RedisFailure> = .success(.array([.bytes([0x6B]), .bytes([0x61])]))
            for _ in 0..<3 {
                try server.command(["SCRIPT", "FLUSH"])
                #expect(try await client.script(Self.echo, ["k"], ["a"]) == expected)
            }
            try server.command(["FLUSHALL"])
            #expect(try await client.script(Self.echo, ["k"], ["a"]) == expected)
            #expect(try await client.command("GET", "k") == .success(.null))
            guard case .failure(.server(let text)) = try await client.script(RedisScript("return redis.call('nope')"), ["k"]) else {
                Issue.record("a broken script has a result")
                return
            }
            #expect(!text.isEmpty)
        }
    }

    /// A call for another run is not written, and does not disturb its neighbours.
    @Test func runIDGuards() async throws {
        let server = try await RedisServer()
        let mark = RedisScript("redis.call('SET', KEYS[1], ARGV[1]) return 1")
        try await TestClient.with([server.url]) { client async throws in
            try await client.expectReady()
            let old = try #require(try await client.runID())
            #expect(try await client.script(mark, ["a"], ["1"], runID: old) == .success(.integer(1)))
            server.kill()
            try await server.start()
            try await client.expectReady()
            let new = try #require(try await client.runID())
            #expect(new != old)
            let before = client.client.statistics.commands
            let calls = [old, new].map { (id: String) in ScriptCall(script: mark, keys: ["k-\(id)"], arguments: ["1"], runID: id) }
            let results = try await client.batch([], calls)
            #expect(results.scripts == [.failure(.runChanged), .success(.integer(1))])
            #expect(client.client.statistics.commands - before == 2, "EVALSHA and EVAL of the second only")
            #expect(try await client.command("EXISTS", "k-\(old)") == .success(.integer(0)))
            #expect(client.client.statistics.reconnects == 1)
        }
    }

    /// A server that hangs: calls end at their deadline, then the breaker spares them the waiting, and all is well when it wakes up.
    @Test func pauseAndBreaker() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url], commandTimeout: .milliseconds(100)) { client async throws in
            try await client.expectReady()
            server.pause()
            let start = ContinuousClock.now
            let two = try await client.batch([RedisCommand(["GET", "a"]), RedisCommand(["GET", "b"])])
            #expect(two.commands == [.failure(.timeout), .failure(.timeout)])
            #expect((.milliseconds(100)..<(.seconds(3))).contains(ContinuousClock.now - start))
            var failures: [Result<RedisValue, RedisFailure>] = []
            for _ in 0..<6 { failures.append(try await client.command("GET", "a")) }
            #expect(failures.first == .failure(.timeout) && failures.last == .failure(.breakerOpen))
            let statistics = client.client.statistics
            #expect(statistics.timeouts >= 3 && statistics.breakerOpenings == 1 && statistics.lastError != nil)
            #expect(try await client.isRefused() == false)
            #expect(try await client.runID() == nil)
            server.resume()
            try await client.expectReady()
            #expect(try await client.command("SET", "a", "1") == .success(.simple("OK")))
        }
    }

    @Test func debugSleep() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url], commandTimeout: .milliseconds(100)) { client async throws in
            try await client.expectReady()
            let slow = try await client.batch([RedisCommand(["DEBUG", "SLEEP", "0.4"], key: nil), RedisCommand(["GET", "a"])])
            #expect(slow.commands == [.failure(.timeout), .failure(.timeout)])
            try await client.expectReady()
            #expect(try await client.command("DEBUG", "SLEEP", "0.2", key: nil, timeout: .seconds(2)) == .success(.simple("OK")))
        }
    }

    @Test func killedServerRefuses() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url]) { client async throws in
            try await client.expectReady()
            #expect(try await client.isRefused() == false)
            server.kill()
            try await expectEventually("the host refuses") { try await client.isRefused() }
            #expect(try await client.command("GET", "k") == .failure(.refused))
            #expect(try await client.runID() == nil)
            try await server.start()
            try await client.expectReady()
            #expect(try await client.isRefused() == false)
        }
    }

    /// Calls that were under way when the server died must not look as if they had not been sent.
    @Test func callsUnderWayAreDisconnected() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url]) { client async throws in
            try await client.expectReady()
            async let result = client.command("DEBUG", "SLEEP", "5", key: nil, timeout: .seconds(5))
            try await expectEventually("the command is under way") { client.client.statistics.commands > 5 }
            server.kill()
            #expect(try await result == .failure(.disconnected))
        }
    }

    @Test func neverStartedAndNobodyThere() async throws {
        let port = RedisServer.freePort()
        try await TestClient.with(["redis://127.0.0.1:\(port)"]) { client async throws in
            #expect(try await client.command("PING", key: nil, timeout: .seconds(30)) == .failure(.refused))
            try await expectEventually("refused") { try await client.isRefused() }
        }
        try await TestClient.with(["redis://localhost:\(port)"]) { client async throws in
            #expect(try await client.command("PING", key: nil, timeout: .seconds(30)) == .failure(.refused))
        }
        try await TestClient.with(["redis://127.0.0.1:\(port)"], starts: false) { client async throws in
            #expect(try await client.command("PING", key: nil, timeout: .milliseconds(20)) == .failure(.timeout))
            await client.client.close()
            #expect(try await client.command("PING", key: nil) == .failure(.closed))
        }
    }

    @Test func databaseAndPassword() async throws {
        let server = try await RedisServer(["--requirepass", "se cret"])
        try await TestClient.with(["redis://:se%20cret@127.0.0.1:\(server.port)/3"]) { client async throws in
            try await client.expectReady()
            #expect(try await client.command("SET", "k", "v") == .success(.simple("OK")))
            #expect(try server.command(["INFO", "keyspace"], password: ["se cret"]).contains("db3:keys=1"))
        }
    }

    @Test(arguments: [
        (":wrong@", "", "password of the user default"), ("", "", "asks for a password"), ("x:y@", "", "password of the user x"),
        (":right@", "/99", "no such database"),
    ])
    func refusedLogins(login: String, path: String, words: String) async throws {
        let server = try await RedisServer(["--requirepass", "right"])
        try await TestClient.with(["redis://\(login)127.0.0.1:\(server.port)\(path)"]) { client async throws in
            guard case .failure(.server(let text)) = try await client.command("PING", key: nil, timeout: .seconds(30)) else {
                Issue.record("not refused")
                return
            }
            #expect(text.contains(words), "\(text)")
            #expect(client.client.statistics.lastError?.contains(words) == true)
            #expect(try await client.isRefused() == false)
        }
    }

    @Test func aReplicaIsNotUsed() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer(["--replicaof", "127.0.0.1 \(master.port)"])
        try await TestClient.with([replica.url]) { client async throws in
            guard case .failure(.server(let text)) = try await client.command("GET", "k", timeout: .seconds(30)) else {
                Issue.record("not refused")
                return
            }
            #expect(text.contains("replica"))
            // Promoted, it is used.
            try replica.command(["REPLICAOF", "NO", "ONE"])
            try await client.expectReady()
            // Demoted, it is no longer: the first write finds out.
            try replica.command(["REPLICAOF", "127.0.0.1", "\(master.port)"])
            guard case .failure(.server(let readOnly)) = try await client.command("SET", "k", "v") else {
                Issue.record("a replica took a write")
                return
            }
            #expect(readOnly.hasPrefix("READONLY"))
            try await expectEventually("the replica is left") {
                if case .failure(.server(let text)) = try await client.command("GET", "k") { text.contains("replica") } else { false }
            }
        }
    }

    @Test func closeEndsWhatIsUnderWay() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url]) { client async throws in
            try await client.expectReady()
            async let result = client.command("DEBUG", "SLEEP", "3", key: nil, timeout: .seconds(5))
            try await expectEventually("the command is under way") { client.client.statistics.commands > 5 }
            await client.client.close()
            #expect(try await result == .failure(.closed))
            #expect(try await client.command("PING", key: nil) == .failure(.closed))
        }
    }
}
