import Testing

@testable import Redis

@Suite struct ClusterTopologyTests {
    static let asked = RedisEndpoint(host: "asked", port: 1)

    static func node(_ host: String?, _ port: Int64) -> RedisValue {
        .array([host.map { .bytes(Array($0.utf8)) } ?? .null, .integer(port), .bytes(Array("id".utf8)), .array([])])
    }

    static func range(_ first: Int64, _ last: Int64, _ nodes: RedisValue...) -> RedisValue {
        .array([.integer(first), .integer(last)] + nodes)
    }

    @Test func reads() throws {
        let reply = RedisValue.array([
            Self.range(0, 99, Self.node("a", 1), Self.node("replica", 2)), Self.range(100, 100, Self.node(nil, 7)),
            Self.range(200, 16_383, Self.node("", 7)), Self.range(150, 160, Self.node("::1", 9)),
        ])
        var topology = try #require(ClusterTopology(reply, from: Self.asked))
        #expect(topology.servers.map(\.description) == ["a:1", "asked:7", "[::1]:9"])
        let expected = [
            0: "a:1", 99: "a:1", 100: "asked:7", 101: nil, 155: "[::1]:9", 199: nil, 200: "asked:7", 16_383: "asked:7", 16_384: nil,
            -1: nil,
        ]
        for (slot, server) in expected { #expect(topology.server(of: slot)?.description == server) }
        #expect(topology.covered == 16_384 - 49 - 39)
        topology.moved(5, to: RedisEndpoint(host: "new", port: 3))
        topology.moved(6, to: RedisEndpoint(host: "asked", port: 7))
        topology.moved(99_999, to: Self.asked)
        #expect(topology.server(of: 5)?.description == "new:3" && topology.server(of: 6)?.description == "asked:7")
        #expect(topology.servers.count == 4)
    }

    @Test(
        arguments: [
            .null, .array([]), .integer(1), .error("ERR This instance has cluster support disabled"), .array([.null]), .array([.array([])]),
            .array([range(0, 16_384, node("a", 1))]), .array([range(-1, 5, node("a", 1))]), .array([range(9, 5, node("a", 1))]),
            .array([range(0, 5, .array([]))]), .array([range(0, 5, node("a", 0))]), .array([range(0, 5, node("a", 70_000))]),
            .array([range(0, 5, node("a b", 1))]), .array([range(0, 5, node(String(repeating: "h", count: 256), 1))]),
            .array([range(.min, .max, node("a", 1))]), .array((0..<1_025).map { range(0, 5, node("h\($0)", 1)) }),
        ] as [RedisValue])
    func refuses(reply: RedisValue) { #expect(ClusterTopology(reply, from: Self.asked) == nil) }

    @Test(arguments: [
        ("MOVED 3999 127.0.0.1:6381", true, "127.0.0.1:6381"), ("ASK 0 h:1", false, "h:1"), ("MOVED 1 ::1:7", true, "[::1]:7"),
        ("MOVED 1 :7", true, "asked:7"), ("MOVED 1 ?:7", true, "asked:7"),
    ])
    func redirections(text: String, isPermanent: Bool, target: String) throws {
        let redirection = try #require(Redirection(text))
        #expect(redirection.isPermanent == isPermanent)
        #expect(redirection.endpoint(seenFrom: Self.asked)?.description == target)
    }

    @Test(arguments: [
        "", "MOVED", "MOVED 1", "MOVED x h:1", "MOVED 16384 h:1", "MOVED -1 h:1", "MOVED 1 h", "MOVED 1 h:", "MOVED 1 h:0",
        "MOVED 1 h:65536",
        "moved 1 h:1", "TRYAGAIN x", "ASKING 1 h:1", "MOVED 99999999999999999999 h:1",
    ])
    func noRedirections(text: String) { #expect(Redirection(text) == nil) }

    @Test func aHostWithControlCharactersIsNoTarget() {
        #expect(Redirection("MOVED 1 a\u{1}b:7")?.endpoint(seenFrom: Self.asked) == nil)
    }
}

@Suite struct TopologyRefreshTests {
    static let (a, b) = (RedisEndpoint(host: "a", port: 1), RedisEndpoint(host: "b", port: 1))
    static let ms: Int64 = 1_000_000

    @Test func transcript() {
        var refresh = TopologyRefresh()
        #expect(refresh.needed(now: 0, candidates: [Self.a, Self.b]) == .ask(Self.a))
        #expect(refresh.needed(now: 1, candidates: [Self.b]) == .none)
        #expect(refresh.failed(.timeout, now: 2) == .ask(Self.b))
        #expect(refresh.succeeded(now: 10) == .wait(until: 10 + 100 * Self.ms), "it was needed meanwhile")
        #expect(refresh.timerFired(now: 10, candidates: [Self.a]) == .wait(until: 10 + 100 * Self.ms))
        #expect(refresh.timerFired(now: 10 + 100 * Self.ms, candidates: [Self.a]) == .ask(Self.a))
        #expect(refresh.succeeded(now: 0) == .wait(until: 15_000 * Self.ms))
        #expect(refresh.timerFired(now: 14_999 * Self.ms, candidates: [Self.a]) == .wait(until: 15_000 * Self.ms))
        #expect(refresh.timerFired(now: 15_000 * Self.ms, candidates: [Self.a]) == .ask(Self.a))
    }

    @Test func pausesBetweenRounds() {
        var refresh = TopologyRefresh()
        var now: Int64 = 0
        for pause in [100, 200, 400, 800, 1_600, 2_000, 2_000] as [Int64] {
            #expect(refresh.needed(now: now, candidates: [Self.a]) == .ask(Self.a))
            #expect(refresh.failed(.refused, now: now) == .wait(until: now + pause * Self.ms))
            #expect(refresh.needed(now: now, candidates: [Self.a]) == .wait(until: now + pause * Self.ms))
            now += pause * Self.ms
        }
        #expect(refresh.lastFailure == .refused)
    }
}
