import Testing

@testable import Redis

@Suite struct HostileServerTests {
    /// A handshake like Redis', then something else for everything.
    static func stranger(_ afterwards: String) async throws -> Stranger {
        try await Stranger.start { text in
            guard text.contains("INFO") else { return afterwards }
            let info = "redis_version:7.0.0\r\nrole:master\r\nrun_id:abc\r\n"
            return "+OK\r\n$\(info.utf8.count)\r\n\(info)\r\n*1\r\n$6\r\nmaster\r\n+PONG\r\n"
        }
    }

    @Test(
        arguments: [
            ("?\r\n", .failure(.disconnected)), ("*2147483647\r\n", .failure(.tooLarge)), (":1x\r\n", .failure(.disconnected)),
            ("+PONG\r\n", .success(.simple("PONG"))), ("+PONG\r\n+unasked\r\n", .success(.simple("PONG"))),
            ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", .failure(.disconnected)),
            ("-MOVED 1 x:1\r\n", .failure(.moved)), ("-ASK 99999 x:1\r\n", .failure(.server("ASK 99999 x:1"))),
            ("+" + String(repeating: "x", count: 100_000), .failure(.tooLarge)),
        ] as [(String, Result<RedisValue, RedisFailure>)])
    func answers(wire: String, result: Result<RedisValue, RedisFailure>) async throws {
        let stranger = try await Self.stranger(wire)
        try await TestClient.with(["redis://127.0.0.1:\(stranger.port)"]) { client async throws in
            #expect(try await client.command("PING", key: nil) == result)
        }
        await stranger.stop()
    }

    /// A server that always says NOSCRIPT gets the text once.
    @Test func endlessNoScript() async throws {
        let stranger = try await Self.stranger("-NOSCRIPT No matching script.\r\n")
        try await TestClient.with(["redis://127.0.0.1:\(stranger.port)"]) { client async throws in
            let before = client.client.statistics
            #expect(try await client.script(RedisScript("return 1"), ["k"]) == .failure(.server("NOSCRIPT No matching script.")))
            #expect(client.client.statistics.commands - before.commands <= 6)
        }
        await stranger.stop()
    }
}
