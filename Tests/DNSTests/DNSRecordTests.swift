import Platform
import TestSupport
import Testing

@testable import DNS

@Suite struct DNSRecordTests {
    private func decode(_ type: RecordType, _ bytes: [UInt8]) -> DNSRecord? {
        bytes.withUnsafeBytes { DNSRecord.decode(type, $0) }
    }

    private static let mail: [UInt8] = [2, 0x4d, 0x58, 7, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 3, 0x63, 0x6f, 0x6d, 0]

    @Test func decodesEachType() {
        #expect(decode(.a, [192, 0, 2, 1]) == .address(.v4(0xc000_0201)))
        #expect(decode(.aaaa, Array(repeating: 0, count: 15) + [1]) == .address(.v6(high: 0, low: 1)))
        #expect(decode(.mx, [1, 0] + Self.mail) == .mx(preference: 256, host: "mx.example.com"))
        #expect(decode(.mx, [0, 0, 0]) == .mx(preference: 0, host: ""))
        #expect(decode(.ptr, Self.mail) == .name("mx.example.com"))
        #expect(decode(.txt, [2, 0x61, 0x62, 0, 1, 0x63]) == .txt([0x61, 0x62, 0x63]))
        #expect(decode(.txt, [0]) == .txt([]))
        #expect(decode(.tlsa, [3, 1, 1, 9]) == .other([3, 1, 1, 9]))
    }

    @Test(
        arguments: [
            (.a, []), (.a, [1, 2, 3]), (.a, [1, 2, 3, 4, 5]), (.aaaa, [1, 2, 3, 4]), (.aaaa, Array(repeating: 0, count: 17)),
            (.mx, []), (.mx, [0]), (.mx, [0, 1]), (.mx, [0, 1, 1, 0x61]), (.mx, [0, 1, 0xc0, 0x0c]), (.mx, [0, 1, 1, 0x61, 0, 0]),
            (.mx, [0, 1, 3, 0x61, 0x2e, 0x62, 0]), (.mx, [0, 1, 1, 0x0a, 0]), (.ptr, [1, 0x20, 0]),
            (.ptr, [64] + Array(repeating: 0x61, count: 64) + [0]),
            (.ptr, []), (.ptr, Array(repeating: [1, 0x61], count: 128).flatMap { $0 } + [0]), (.txt, []), (.txt, [1]), (.txt, [3, 0x61]),
            (.txt, [0, 255]),
        ] as [(RecordType, [UInt8])])
    func refusesMalformedData(_ type: RecordType, _ bytes: [UInt8]) { #expect(decode(type, bytes) == nil) }

    @Test func everyCutOfANameIsRefused() {
        for end in 0..<Self.mail.count {
            #expect(decode(.ptr, Array(Self.mail[..<end])) == nil)
            #expect(decode(.mx, [0, 1] + Self.mail[..<end]) == nil)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func hostileDataNeverGivesAnImpossibleName(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            var bytes = [0, 1] + Self.mail
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            for type in [RecordType.mx, .ptr, .txt, .a, .aaaa] {
                switch decode(type, bytes) {
                case .mx(_, let host)?: #expect(host.isEmpty || DomainName.normalize(host) == host, "seed \(seed)")
                case .name(let host)?: #expect(host.isEmpty || DomainName.normalize(host) == host, "seed \(seed)")
                case .txt(let text)?: #expect(text.count < bytes.count, "seed \(seed)")
                case .address, .other, nil: break
                }
            }
        }
    }

    @Test(arguments: [
        ("example.com", "example.com"), ("EXAMPLE.Com.", "example.com"), ("_25._tcp.MX", "_25._tcp.mx"), ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        (String(repeating: "a", count: 63) + ".b", String(repeating: "a", count: 63) + ".b"),
    ])
    func normalizesNames(_ text: String, _ expected: String) { #expect(DomainName.normalize(text) == expected) }

    @Test(arguments: [
        "", ".", "..", ".a", "a..b", "a b", "a\u{0}b", "bücher.example", "a.b..", "a/b", "(a|b)", "a:b", "a\r\nb", "*.a", "\\046",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "a", String(repeating: "a", count: 1_000_000),
    ])
    func refusesNames(_ text: String) { #expect(DomainName.normalize(text) == nil) }
}
