import Shaping
import Testing

@testable import Options

@Suite struct SourceAndPoolTests {
    @Test func unspecified() {
        let source = EgressSourceConfig.unspecified
        #expect(source.name == "unspecified" && source.sourceAddress == nil && source.ehloDomain == nil && source.remotePort == nil)
        #expect(source.ttl == .seconds(60))
        #expect(EgressPoolConfig.unspecified.entries == [EgressPoolConfig.Entry(name: "unspecified", weight: 1)])
    }

    @Test func entries() throws {
        let pool = try EgressPoolConfig([
            "name": "p", "entries": [["name": "a", "weight": 3], ["name": "b"], "c", ["name": "d", "weight": 0]],
        ])
        #expect(pool.entries.map(\.name) == ["a", "b", "c", "d"])
        #expect(pool.entries.map(\.weight) == [3, 1, 1, 0])
        var rotation = pool.rotation
        #expect((0..<5).compactMap { _ in rotation.next() } == ["a", "a", "a", "b", "c"])
    }

    @Test(
        arguments: [
            [], nil, "a", [1], [[]], [["name": ""]], [["weight": 1]], [["name": "a", "weight": -1]], [["name": "a", "weight": 1.5]],
            [["name": "a", "wieght": 1]], [["name": "a", "weight": 1_000_001]],
        ] as [ConfigValue])
    func badEntries(value: ConfigValue) {
        let error = #expect(throws: ConfigError.self) { try EgressPoolConfig(["name": "p", "entries": value]) }
        #expect(error?.message.hasPrefix("egress pool") == true)
    }

    @Test(arguments: ["1.2.3.4:25", "localhost", "10.0.0.0/8", "", "fe80::1%eth0"] as [ConfigValue])
    func badAddresses(value: ConfigValue) {
        let error = #expect(throws: ConfigError.self) { try EgressSourceConfig(["name": "s", "source_address": value]) }
        #expect(error?.message.contains("option 'source_address' must be an IP address") == true)
    }
}
