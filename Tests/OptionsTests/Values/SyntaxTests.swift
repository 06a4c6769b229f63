import Platform
import TestSupport
import Testing

@testable import Options
@testable import Shaping

@Suite struct SyntaxTests {
    @Test(arguments: [
        "0.0.0.0", "127.0.0.1", "255.255.255.255", "10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "::", "::1", "::/0", "1::", "2001:db8::/32",
        "2001:DB8::a:b", "1:2:3:4:5:6:7:8", "1::8", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::ffff:192.0.2.1", "::ffff:0:0/96",
        "64:ff9b::1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4", "fe80::1/128",
    ])
    func networks(text: String) { #expect((CIDR(text) != nil)) }

    @Test(arguments: [
        "", "/", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/08",
        "1.2.3.4/8/8",
        "1.2.3.4:25", " 1.2.3.4", "1.2.3.4 ", "1..3.4", ":", ":::", "1:::2", "::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::8",
        "::12345", "::g", "::1/129", "fe80::1%eth0", "[::1]", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "١.2.3.4",
        "::\u{0}1",
        "1:", ":1", "::ffff:1.2.3.256",
    ])
    func notNetworks(text: String) { #expect(!(CIDR(text) != nil)) }

    @Test(arguments: [
        ("0.0.0.0:25", "0.0.0.0", 25), ("127.0.0.1:0", "127.0.0.1", 0), ("[::]:2525", "::", 2525),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ("localhost:8000", "localhost", 8000), ("mail-1.example.com:25", "mail-1.example.com", 25),
    ])
    func listenAddresses(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.text == text)
    }

    @Test(arguments: [
        "", ":25", "25", "0.0.0.0", "0.0.0.0:", "0.0.0.0:65536", "0.0.0.0:-1", "0.0.0.0:+25", "0.0.0.0:000025", "::1:25", ":::25", "[::1]",
        "[::1]25",
        "[::1:25", "[]:25", "[mail]:25", "1.2.3:25", "1.2.3.4.5:25", "*:25", "a b:25", "-a:25", "0.0.0.0:25 ", "0.0.0.0:25\r\n", "ä:25",
    ])
    func notListenAddresses(text: String) {
        let error = #expect(throws: ConfigError.self) { try ListenAddress(parsing: text) }
        #expect(error?.message.contains("'0.0.0.0:25'") == true)
    }

    @Test(arguments: [
        ("conection_limit", "connection_limit"), ("connection-limit", "connection_limit"), ("Connection_Limit", "connection_limit"),
        ("max_conection_rate", "max_connection_rate"), ("ehlo_domian", "ehlo_domain"), ("idle_timout", "idle_timeout"),
        ("max_redy", "max_ready"),
    ])
    func nearestName(name: String, meant: String) {
        #expect(NearestName.suggestion(for: name, among: EgressPathConfig.options.schema.rules.keys) == meant)
    }

    @Test(arguments: ["", "zzz", "x", "completely_different_thing", String(repeating: "connection_limit", count: 1000)])
    func noNearName(name: String) {
        #expect(NearestName.suggestion(for: name, among: EgressPathConfig.options.schema.rules.keys) == nil)
    }

    @Test(arguments: [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3), ("ab", "", 2), ("ca", "abc", 3)])
    func distances(a: String, b: String, distance: Int) {
        #expect(NearestName.distance(Array(a.utf8), Array(b.utf8)) == distance)
        #expect(NearestName.distance(Array(b.utf8), Array(a.utf8)) == distance)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func noiseNeverTraps(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let text = random.text(of: Array("0123456789abcdef:::...[]/%-"), upTo: 48)
        let pair = HostPort(text)
        if let port = pair?.port { #expect((0...65535).contains(port), "seed \(seed): \(text)") }
        _ = try? NetworkList([text])
    }
}
