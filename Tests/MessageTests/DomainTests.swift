import Glibc
import Testing

@testable import Message

@Suite struct DomainTests {
    @Test(arguments: [
        ("Example.COM", "example.com"),
        ("already.lower", "already.lower"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example", "xn--bcher-kva.example"),
        ("bu\u{308}cher.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
        ("ΠΑΡΆΔΕΙΓΜΑ.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
        ("испытание.рф", "xn--80akhbyknj4f.xn--p1ai"),
        ("실례.테스트", "xn--9n2bp8q.xn--9t4b11yi5a"),
        ("\u{1109}\u{1175}\u{11AF}례.테스트", "xn--9n2bp8q.xn--9t4b11yi5a"),
        ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"),
        ("מספרד.com", "xn--7dbvjmu.com"),
        ("उदाहरण.परीक्षा", "xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"),
        ("việt.vn", "xn--vit-5kz.vn"),
        ("vie\u{323}\u{302}t.vn", "xn--vit-5kz.vn"),
        ("\u{212A}elvin.com", "kelvin.com"),
        ("l·l.cat", "xn--ll-0ea.cat"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[ipv6:2001:DB8:0:0:0:0:0:1]", "[IPv6:2001:db8::1]"),
        ("", ""),
        ("not valid ☃ AT all", "not valid ☃ at all"),
    ])
    func normalizes(domain: String, expected: String) {
        let normalized = EnvelopeAddress(localPart: "a", domain: domain).normalizedDomain
        #expect(normalized.utf8.elementsEqual(expected.utf8), "\(normalized)")
        #expect(EnvelopeAddress(localPart: "a", domain: normalized).normalizedDomain == normalized)
    }

    @Test(arguments: [
        "a.☃", "ﬁ.com", "ｅxample.com", "a\u{200B}b.com", "ü\u{202E}.com", "ü b.com", "ü/b.com", "ü_b.com", "-ü.com", "ü-.com", "üx--ü.com",
        "ab--ü.com",
        "\u{301}a.com", "a\u{200D}b.com", "a·b.cat", "ü..com", "\u{661}\u{6F1}.com", "\u{30FB}.com", "ⅷ.com", "a\u{640}b.com",
        "\u{1100}.com", "\u{378}.com",
        "１.com", "a．b", "①.de",
    ])
    func refusesLabels(domain: String) {
        #expect(DomainName.asciiForm(domain) == nil)
    }

    @Test func lengthLimitsAreThoseOfTheAsciiForm() {
        // 56 times "ü" needs more than 59 characters of Punycode only from a certain length on; the border must be 63 in all.
        var longest = 0
        for count in 1...80 {
            guard let ascii = DomainName.asciiForm(String(repeating: "ü", count: count)) else { continue }
            #expect(ascii.utf8.count <= 63)
            longest = max(longest, ascii.utf8.count)
        }
        #expect(longest == 63)
        #expect(DomainName.asciiForm(Array(repeating: "büchlein", count: 40).joined(separator: ".")) == nil)
    }

    /// Section 7.1 of RFC 3492.
    @Test(arguments: [
        ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
        ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
        ("他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb"),
        ("Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"),
        ("למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"),
        ("なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"),
        ("почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"),
        ("PorquénopuedensimplementehablarenEspañol", "PorqunopuedensimplementehablarenEspaol-fmd56a"),
        ("3年B組金八先生", "3B-ww4c5e180e575a65lsy2b"),
        ("安室奈美恵-with-SUPER-MONKEYS", "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n"),
        ("そのスピードで", "d9juau41awczczp"),
        ("-> $1.00 <-", "-> $1.00 <--"),
    ])
    func punycodeVectors(text: String, encoded: String) throws {
        let bytes = try #require(Punycode.encode(Array(text.unicodeScalars), limit: 63))
        #expect(String(decoding: bytes, as: UTF8.self) == encoded)
    }

    @Test(arguments: seeds)
    func punycodeDecodesBack(seed: UInt64) throws {
        var random = TestRandom(seed)
        let ranges: [ClosedRange<UInt32>] = [
            0x61...0x7A, 0xE0...0x17F, 0x3B1...0x3C9, 0x4E00...0x9FFF, 0x1F600...0x1F64F, 0x10FFF0...0x10FFFD,
        ]
        for _ in 0..<500 {
            let scalars = (0..<Int.random(in: 0...20, using: &random)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: ranges.randomElement(using: &random) ?? 0x61...0x7A, using: &random))
            }
            let encoded = try #require(Punycode.encode(scalars, limit: 1000))
            #expect(punycodeDecoded(encoded) == scalars.map(\.value), "seed \(seed)")
            #expect(encoded.isEmpty || Punycode.encode(scalars, limit: encoded.count - 1) == nil)
        }
    }

    @Test(arguments: [
        ("192.0.2.1", true), ("0.0.0.0", true), ("255.255.255.255", true), ("256.0.0.1", false), ("1.2.3", false), ("1.2.3.4.5", false),
        ("01.2.3.4", false),
        ("1..3.4", false), ("1.2.3.4.", false), ("", false), ("1234.1.1.1", false),
        ("IPv6:::", true), ("IPv6:::1", true), ("IPv6:1::", true), ("IPv6:1::8", true), ("IPv6:1:2:3:4:5:6:7:8", true),
        ("IPv6:1:2:3:4:5:6:7::", true),
        ("IPv6:::2:3:4:5:6:7:8", true), ("IPv6:2001:DB8::A:B", true), ("IPv6:1:0:0:2:0:0:0:3", true), ("IPv6:::ffff:1.2.3.4", true),
        ("IPv6:::1.2.3.4", true),
        ("IPv6:1:2:3:4:5:6:1.2.3.4", true), ("IPv6:64:ff9b::1.2.3.4", true), ("IPv6:0:0:1::", true),
        ("IPv6:1:2:3:4:5:6:7", false), ("IPv6:1:2:3:4:5:6:7:8:9", false), ("IPv6:1::2::3", false), ("IPv6::", false), ("IPv6::1", false),
        ("IPv6:1:", false),
        ("IPv6::::", false), ("IPv6:12345::", false), ("IPv6:g::", false), ("IPv6:1.2.3.4", false), ("IPv6:1.2.3.4::", false),
        ("IPv6:::1.2.3", false),
        ("IPv6:1:2:3:4:5:6:7:1.2.3.4", false), ("IPv6:1:2:3:4:5:6:7:8::", false), ("IPv6:::1:2:3:4:5:6:7:8", false),
        ("IPv6:1:2:3:4::5:6:7:8", false),
    ])
    func literals(inner: String, isValid: Bool) throws {
        let literal = AddressLiteral(bracketed: "[\(inner)]")
        #expect((literal != nil) == isValid)
        // The C library is the reference for what is valid and what it means.
        let isIPv6 = inner.hasPrefix("IPv6:")
        let family = isIPv6 ? AF_INET6 : AF_INET
        #expect((networkBytes(isIPv6 ? String(inner.dropFirst(5)) : inner, family) != nil) == isValid)
        guard let canonical = literal?.bracketed else { return }
        #expect(AddressLiteral(bracketed: canonical) == literal)
        let canonicalInner = String(canonical.dropFirst(isIPv6 ? 6 : 1).dropLast())
        #expect(networkBytes(canonicalInner, family) == networkBytes(isIPv6 ? String(inner.dropFirst(5)) : inner, family))
    }

    @Test(arguments: [
        ("[IPv6:1:0:0:2:0:0:0:3]", "[IPv6:1:0:0:2::3]"), ("[IPv6:1:0:0:2:3:0:0:4]", "[IPv6:1::2:3:0:0:4]"),
        ("[IPv6:1:0:2:3:4:5:6:7]", "[IPv6:1:0:2:3:4:5:6:7]"),
        ("[IPv6:0:0:0:0:0:0:0:0]", "[IPv6:::]"), ("[IPv6:::FFFF:1.2.3.4]", "[IPv6:::ffff:1.2.3.4]"),
        ("[IPv6:0DB8::00A0]", "[IPv6:db8::a0]"),
    ])
    func literalsHaveOneForm(input: String, canonical: String) {
        #expect(AddressLiteral(bracketed: input)?.bracketed == canonical)
    }

    @Test(arguments: seeds)
    func randomLiteralsAgreeWithTheLibrary(seed: UInt64) {
        var random = TestRandom(seed)
        for _ in 0..<4000 {
            let text = randomText(&random, pieces: [":", "::", "0", "1", "ab", "ffff", "1.2.3.4", ".", "0:0", "2:3:4"], upTo: 9)
            guard text.utf8.count <= 45, !text.isEmpty else { continue }
            let mine = AddressLiteral(bracketed: "[IPv6:\(text)]")
            #expect((mine != nil) == (networkBytes(text, AF_INET6) != nil), "seed \(seed): \(text)")
            guard let canonical = mine?.bracketed else { continue }
            #expect(networkBytes(String(canonical.dropFirst(6).dropLast()), AF_INET6) == networkBytes(text, AF_INET6))
        }
    }
}

private func networkBytes(_ text: String, _ family: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    return inet_pton(family, text, &bytes) == 1 ? bytes : nil
}

/// The decoder of RFC 3492 section 6.2, as reference.
private func punycodeDecoded(_ bytes: [UInt8]) -> [UInt32]? {
    var output: [UInt32] = []
    var rest = bytes[...]
    if let delimiter = bytes.lastIndex(of: UInt8(ascii: "-")) {
        output = bytes[..<delimiter].map(UInt32.init)
        rest = bytes[(delimiter + 1)...]
    }
    var n = 128
    var i = 0
    var bias = 72
    while !rest.isEmpty {
        let old = i
        var weight = 1
        var k = 36
        while true {
            guard let byte = rest.popFirst() else { return nil }
            let digit = byte >= 0x61 ? Int(byte) - 0x61 : Int(byte) - 0x30 + 26
            i += digit * weight
            let t = k <= bias ? 1 : min(26, k - bias)
            if digit < t { break }
            weight *= 36 - t
            k += 36
        }
        var delta = old == 0 ? (i - old) / 700 : (i - old) / 2
        delta += delta / (output.count + 1)
        var round = 0
        while delta > 455 {
            delta /= 35
            round += 36
        }
        bias = round + 36 * delta / (delta + 38)
        n += i / (output.count + 1)
        i %= output.count + 1
        output.insert(UInt32(n), at: i)
        i += 1
    }
    return output
}
