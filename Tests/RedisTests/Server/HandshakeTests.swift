import TestSupport
import Testing

@testable import Redis

@Suite struct HandshakeTests {
    static func info(_ lines: String...) -> RedisValue { .bytes(Array(("# Server\r\n" + lines.joined(separator: "\r\n") + "\r\n").utf8)) }
    static let good = info("redis_version:7.0.15", "run_id:abc", "role:master", "loading:0", "maxmemory:0", "maxmemory_policy:noeviction")
    static let master = RedisValue.array([.bytes(Array("master".utf8)), .integer(0), .array([])])
    static let replica = RedisValue.array([.bytes(Array("slave".utf8)), .bytes([]), .integer(1), .simple("connected"), .integer(0)])

    static func shake(_ replies: [RedisValue], password: String? = nil, database: Int = 0) -> Result<ServerFacts, RedisFailure>? {
        let credentials = password.map { RedisCredentials(username: "u", password: $0) }
        var handshake = Handshake(credentials: credentials, database: database, name: "n\r\nx y")
        var outcome: Result<ServerFacts, RedisFailure>?
        for reply in replies {
            #expect(outcome == nil)
            outcome = handshake.received(reply)
        }
        return outcome
    }

    @Test func commands() {
        let handshake = Handshake(credentials: RedisCredentials(username: "u", password: "p"), database: 3, name: "a b\r\n\u{E9}")
        let texts = handshake.steps.map { handshake.command($0).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") }
        #expect(texts == ["AUTH u p", "CLIENT SETNAME a-b----", "SELECT 3", "INFO", "ROLE", "PING"])
    }

    @Test func success() throws {
        let facts = try Self.shake([.simple("OK"), Self.good, Self.master, .simple("PONG")])?.get()
        #expect(facts?.runID == "abc" && facts?.version == "7.0.15" && facts?.role == "master" && facts?.isRecent == true)
        let named = try Self.shake([.error("NOPERM no"), Self.good, .error("NOPERM ROLE"), .simple("PONG")])?.get()
        #expect(named?.role == "master")
    }

    @Test(
        arguments: [
            ([.simple("OK"), good, replica, .simple("PONG")], "replica"),
            ([.simple("OK"), info("run_id:a", "role:slave"), .error("NOPERM role"), .simple("PONG")], "replica"),
            (
                [.simple("OK"), info("redis_mode:sentinel", "run_id:a"), .array([.bytes(Array("sentinel".utf8))]), .simple("PONG")],
                "Sentinel"
            ),
            ([.simple("OK"), info("role:master"), master, .simple("PONG")], "run id"),
            ([.simple("OK"), info("role:master", "run_id:a", "loading:1"), master, .simple("PONG")], "loading"),
            ([.simple("OK"), good, master, .error("LOADING Redis is loading")], "loading"),
            ([.error("NOAUTH Authentication required."), .error("NOAUTH"), .error("NOAUTH"), .error("NOAUTH")], "asks for a password"),
            ([.simple("OK"), .error("NOPERM this user has no permissions to run the 'info' command"), master, .simple("PONG")], "+info"),
            ([.simple("OK"), .null, .null, .simple("PONG")], "master"),
            ([.null, .integer(3), .array([]), .array([])], "master"),
        ] as [([RedisValue], String)])
    func refusals(replies: [RedisValue], word: String) {
        guard case .failure(.server(let text))? = Self.shake(replies) else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains(word), "\(text)")
    }

    @Test func wrongPassword() {
        let replies: [RedisValue] =
            [.error("WRONGPASS invalid username-password pair or user is disabled.")] + Array(repeating: .error("NOAUTH x"), count: 4)
        guard case .failure(.server(let text))? = Self.shake(replies, password: "hidden") else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains("password of the user u") && !text.contains("hidden"))
    }

    /// Any reply in any place: an outcome after the last one, never a trap.
    @Test func anyReplies() {
        let values: [RedisValue] = [
            .null, .integer(.min), .bytes([]), .bytes([0xFF, 0x3A]), .simple(""), .error(""), .array([]), .array([.null]), Self.good,
        ]
        for seed in UInt64(0)..<2_000 {
            var random = SeededGenerator(seed: seed)
            let replies = (0..<6).map { _ in values.randomElement(using: &random)! }
            #expect(Self.shake(replies, password: "p", database: 1) != nil, "seed \(seed)")
        }
    }
}

@Suite struct ServerExaminationTests {
    static func examine(_ info: RedisValue, role: RedisValue = HandshakeTests.master, cluster: Bool = false) -> ServerExamination {
        var examination = ServerExamination(endpoint: RedisEndpoint(host: "h", port: 1), credentials: nil, isCluster: cluster)
        examination.answered([info, role, .simple("OK"), .simple("OK")])
        return examination
    }

    static func memory(_ maxmemory: Int, _ policy: String, version: String = "7.0.15", extra: String = "x:1") -> RedisValue {
        HandshakeTests.info(
            "redis_version:\(version)", "run_id:a", "role:master", "maxmemory:\(maxmemory)", "maxmemory_policy:\(policy)", extra)
    }

    @Test(
        arguments: [
            (memory(0, "noeviction"), nil, nil),
            (memory(1_000, "noeviction"), nil, nil),
            (memory(0, "allkeys-lru"), nil, "harmless only while"),
            (memory(1_000, "allkeys-lru"), "set it to noeviction", nil),
            (memory(1_000, "volatile-ttl"), "set it to noeviction", nil),
            (memory(0, "noeviction", version: "6.2.0"), nil, nil),
            (memory(0, "noeviction", version: "10.1"), nil, nil),
            (memory(0, "noeviction", version: "6.0.16"), "too old", nil),
            (memory(0, "noeviction", version: "5.9"), "too old", nil),
            (memory(0, "noeviction", version: "x"), "does not tell its version", nil),
            (memory(0, "noeviction", extra: "cluster_enabled:1"), "use redis-cluster://", nil),
            (memory(0, "noeviction", extra: "loading:1"), "loading", nil),
        ] as [(RedisValue, String?, String?)])
    func judgement(info: RedisValue, problem: String?, warning: String?) {
        let examination = Self.examine(info)
        #expect(examination.problems.count == (problem == nil ? 0 : 1), "\(examination.problems)")
        #expect(examination.warnings.count == (warning == nil ? 0 : 1), "\(examination.warnings)")
        if let problem { #expect(examination.problems[0].contains(problem), "\(examination.problems)") }
        if let warning { #expect(examination.warnings[0].contains(warning), "\(examination.warnings)") }
    }

    @Test func permissionsAreNamedOnce() {
        var examination = Self.examine(Self.memory(0, "noeviction"))
        let denied = RedisValue.error("NOPERM this user has no permissions to run the 'evalsha' command")
        examination.probed([
            .simple("OK"), denied, denied, .error("NOPERM User u has no permissions to run the 'hset' command"), .error("ERR x"),
        ])
        #expect(examination.problems.count == 2)
        #expect(examination.problems[0].contains("EVALSHA; add +evalsha") && examination.problems[1].contains("+hset"))
    }
}
