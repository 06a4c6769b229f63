import Testing

@testable import Redis

@Suite struct SentinelDiscoveryTests {
    static let sentinels = (1...3).map { RedisEndpoint(host: "s", port: $0) }

    static func address(_ host: String, _ port: String) -> RedisValue { .array([.bytes(Array(host.utf8)), .bytes(Array(port.utf8))]) }

    @Test func transcript() {
        var discovery = SentinelDiscovery(sentinels: Self.sentinels, master: "m")
        #expect(discovery.begin() == .ask(Self.sentinels[0]))
        #expect(discovery.failed() == .ask(Self.sentinels[1]))
        #expect(discovery.answered(.null) == .ask(Self.sentinels[2]))
        #expect(discovery.answered(Self.address("10.0.0.1", "6379")) == .master(RedisEndpoint(host: "10.0.0.1", port: 6379)))
        // The one that answered comes first.
        #expect(discovery.begin() == .ask(Self.sentinels[2]))
        #expect(discovery.failed() == .ask(Self.sentinels[1]))
        #expect(discovery.failed() == .ask(Self.sentinels[0]))
        #expect(discovery.failed() == .giveUp(.disconnected))
        #expect(discovery.begin() == .ask(Self.sentinels[2]))
    }

    @Test func unknownName() {
        var discovery = SentinelDiscovery(sentinels: Array(Self.sentinels[..<1]), master: "m")
        _ = discovery.begin()
        #expect(discovery.answered(.null) == .giveUp(.server("no Sentinel knows a master named m")))
    }

    @Test(
        arguments: [
            .array([]), .array([.null, .null]), .integer(1), .error("ERR"), .simple("x"), .bytes([]), address("", "1"), address("h", "0"),
            address("h", "65536"), address("h", "x"), address("a b", "1"), .array([.bytes([0x68]), .bytes([0x31]), .null]),
        ] as [RedisValue])
    func strangeAnswersPassOver(value: RedisValue) {
        var discovery = SentinelDiscovery(sentinels: Self.sentinels, master: "m")
        _ = discovery.begin()
        #expect(discovery.answered(value) == .ask(Self.sentinels[1]))
    }

    @Test(arguments: [
        ("m 10.0.0.1 1 10.0.0.2 2", "10.0.0.2:2"), ("other 10.0.0.1 1 10.0.0.2 2", nil), ("m 10.0.0.1 1 10.0.0.2", nil), ("", nil),
        ("m a 1 b 0", nil), ("m a 1 b 99999999999999999999", nil), ("m ::1 1 ::2 5", "[::2]:5"),
    ])
    func messages(text: String, endpoint: String?) {
        let discovery = SentinelDiscovery(sentinels: Self.sentinels, master: "m")
        #expect(discovery.switched(Array(text.utf8))?.description == endpoint)
    }
}
