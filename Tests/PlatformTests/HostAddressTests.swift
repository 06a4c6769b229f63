import TestSupport
import Testing

@testable import Platform

@Suite struct HostAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("192.0.2.1", "192.0.2.1"), ("::", "::"), ("::1", "::1"),
        ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::ffff:c000:201", "::ffff:192.0.2.1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("0:0:0:0:0:0:0:0", "::"),
        ("1::2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("fe80::", "fe80::"),
    ])
    func readsAndWrites(_ text: String, _ canonical: String) throws {
        let address = try #require(HostAddress(text))
        #expect(address.text == canonical)
        #expect(HostAddress(canonical) == address)
        #expect(address.bytes.withUnsafeBytes { HostAddress(bytes: $0) } == address)
    }

    @Test(arguments: [
        "", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1..2.3", "1.2.3.", "+1.2.3.4", "1.2.3.4 ", "0x7f.0.0.1",
        ":", ":::", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "::1%eth0", "[::1]", "1:2:3:4:5:6:7::8",
        "::1.2.3", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "::ffff:1.2.3.400", "1:::2", "1.2.3.4:25",
    ])
    func refuses(_ text: String) { #expect(HostAddress(text) == nil) }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyAddressSurvivesItsText(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            // Masks make runs of zeros likely.
            let mask = { (r: inout SeededGenerator) in
                (0..<4).reduce(UInt64(0)) { sum, _ in sum << 16 | (Bool.random(using: &r) ? 0xffff : 0) }
            }
            let address = HostAddress.v6(high: random.next() & mask(&random), low: random.next() & mask(&random))
            #expect(HostAddress(address.text) == address, "seed \(seed)")
            var bytes = Array(address.text.utf8)
            bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0x20...0x7e, using: &random)
            let damaged = String(decoding: bytes, as: UTF8.self)
            if let read = HostAddress(damaged) { #expect(HostAddress(read.text) == read, "seed \(seed)") }
        }
    }

    @Test func namesReverseZones() {
        #expect(HostAddress("192.0.2.1")?.reverseName == "1.2.0.192.in-addr.arpa")
        #expect(HostAddress("::ffff:192.0.2.1")?.reverseName == "1.2.0.192.in-addr.arpa")
        #expect(
            HostAddress("2001:db8::567:89ab")?.reverseName
                == "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3/8", "10.9.9.9", true),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false), ("::/0", "::1", true), ("::/0", "1.2.3.4", false), ("::/0", "::ffff:1.2.3.4", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("::ffff:10.0.0.0/104", "10.0.0.1", true), ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false), ("192.0.2.0/31", "192.0.2.1", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false), ("2001:db8::/65", "2001:db8:0:0:7fff::", true),
        ("2001:db8::/65", "2001:db8:0:0:8000::", false),
        ("2001:db8::/64", "2001:db8:0:1::", false), ("::1", "::1", true), ("::1/128", "::2", false),
    ])
    func contains(_ block: String, _ address: String, _ expected: Bool) throws {
        let block = try #require(CIDR(block))
        let address = try #require(HostAddress(address))
        #expect(block.contains(address) == expected)
        #expect(CIDRSet([block]).contains(address) == expected)
        #expect(CIDR(block.text) == block)
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "10.0.0.0/8/8", "x/8", "10.0.0.0/ 8",
        "10.0.0.0/0008", "10.0.0.0/08",
    ])
    func refusesBlocks(_ text: String) {
        #expect(CIDR(text) == nil)
        #expect(throws: UnreadableNetwork(text: text)) { try NetworkList(["10.0.0.0/8", text]) }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.255.255", true), ("0.0.0.0", true), ("0.0.0.1", false), ("::1", true), ("::", true), ("::2", false),
        ("::ffff:127.0.0.1", true), ("::ffff:0.0.0.0", true), ("10.0.0.1", false), ("2001:db8::1", false),
    ])
    func prohibitsTheLoopback(_ address: String, _ expected: Bool) throws {
        let list = try NetworkList(["127.0.0.0/8", "0.0.0.0", "::1", "::"])
        #expect(list.contains(try #require(HostAddress(address))) == expected)
    }
}
