import Message
import Testing

/// One line of the grammar: input, what it means, how it is written back.
struct MailboxCase: Sendable, CustomTestStringConvertible {
    let input: String
    let local: String
    let domain: String
    let text: String?
    init(_ input: String, _ local: String, _ domain: String, text: String? = nil) {
        self.input = input
        self.local = local
        self.domain = domain
        self.text = text
    }
    var testDescription: String { input }
}

@Suite struct MailboxTests {
    static let accepted: [MailboxCase] = [
        .init("a@b", "a", "b"),
        .init("user@example.com", "user", "example.com"),
        .init("User.Name+tag@Example.COM", "User.Name+tag", "Example.COM"),
        .init("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~", "example.com"),
        .init(#""quoted"@example.com"#, "quoted", "example.com", text: "quoted@example.com"),
        .init(#""a b"@example.com"#, "a b", "example.com"),
        .init(#""a@b"@example.com"#, "a@b", "example.com"),
        .init(#""a\"b\\c"@example.com"#, #"a"b\c"#, "example.com"),
        .init(#""\a\.\@"@example.com"#, "a.@", "example.com", text: #""a.@"@example.com"#),
        .init(#""a..b"@example.com"#, "a..b", "example.com"),
        .init(#""."@example.com"#, ".", "example.com"),
        .init(#""<>,;:()[]"@example.com"#, "<>,;:()[]", "example.com"),
        .init(#"""@example.com"#, "", "example.com"),
        .init("a@b-c.d--e.f1", "a", "b-c.d--e.f1"),
        .init("a@_dmarc.example.com", "a", "_dmarc.example.com"),
        .init("a@123.45", "a", "123.45"),
        .init("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        .init("a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"),
        .init("a@[ipv6:::FFFF:192.0.2.1]", "a", "[ipv6:::FFFF:192.0.2.1]"),
        .init("jörg@example.com", "jörg", "example.com"),
        .init("\"j ö\"@example.com", "j ö", "example.com"),
        .init("用户@例え.テスト", "用户", "例え.テスト"),
        .init("😀@example.com", "😀", "example.com"),
        .init("postmaster", "postmaster", ""),
        .init("PostMaster", "PostMaster", ""),
        .init(String(repeating: "a", count: 64) + "@example.com", String(repeating: "a", count: 64), "example.com"),
        .init("a@" + String(repeating: "b", count: 63) + ".com", "a", String(repeating: "b", count: 63) + ".com"),
    ]

    @Test(arguments: accepted)
    func accepts(fixture: MailboxCase) throws {
        let address = try withGuarded(fixture.input) { try EnvelopeAddress.parse(mailbox: $0) }
        #expect(address.localPart == fixture.local)
        #expect(address.domain == fixture.domain)
        #expect(address.text == fixture.text ?? fixture.input)
        #expect(try EnvelopeAddress.parse(address.text) == address)
        #expect(try EnvelopeAddress.parse(fixture.input) == address)
        #expect(!address.isNull)
    }

    static let refused: [(String, AddressError.Code, Int)] = [
        ("", .empty, 0),
        ("a", .missingDomain, 1),
        (#""postmaster""#, .missingDomain, 12),
        ("@b", .invalidLocalPart, 0),
        ("a@", .unterminated, 2),
        (".a@b", .invalidLocalPart, 0),
        ("a.@b", .invalidLocalPart, 2),
        ("a..b@c", .invalidLocalPart, 2),
        (" a@b", .invalidLocalPart, 0),
        ("a @b", .invalidLocalPart, 1),
        ("a@b ", .trailingCharacters, 3),
        ("a@b>", .trailingCharacters, 3),
        ("<a@b>", .invalidLocalPart, 0),
        ("a@b@c", .trailingCharacters, 3),
        ("a@b,c@d", .trailingCharacters, 3),
        ("a@b:25", .trailingCharacters, 3),
        ("a(comment)@b", .invalidLocalPart, 1),
        (#"a"b"@c"#, .invalidLocalPart, 1),
        (#""a"b@c"#, .invalidLocalPart, 3),
        (#""a"#, .unterminated, 2),
        (#""a\"#, .unterminated, 3),
        (#""a\é"@b"#, .invalidLocalPart, 3),
        ("a@.b", .invalidDomain, 2),
        ("a@b.", .unterminated, 4),
        ("a@b..c", .invalidDomain, 4),
        ("a@-b", .invalidDomain, 2),
        ("a@b-", .invalidDomain, 3),
        ("a@b-.c", .invalidDomain, 3),
        ("a@b c", .trailingCharacters, 3),
        ("a@b/c", .trailingCharacters, 3),
        ("a@[", .unterminated, 3),
        ("a@[]", .invalidLiteral, 2),
        ("a@[1.2.3.4", .unterminated, 10),
        ("a@[1.2.3]", .invalidLiteral, 2),
        ("a@[1.2.3.256]", .invalidLiteral, 2),
        ("a@[1.2.3.04]", .invalidLiteral, 2),
        ("a@[1.2.3.4]x", .trailingCharacters, 11),
        ("a@[x400:foo]", .invalidLiteral, 2),
        ("a@[IPv6:]", .invalidLiteral, 2),
        ("a@[IPv6:fe80::1%eth0]", .invalidLiteral, 15),
        ("a@[2001:db8::1]", .invalidLiteral, 2),
        ("a\r\n@b", .controlCharacter, 1),
        ("a\n@b", .controlCharacter, 1),
        ("a\r@b", .controlCharacter, 1),
        ("a\0@b", .controlCharacter, 1),
        ("a\t@b", .controlCharacter, 1),
        ("a\u{7F}@b", .controlCharacter, 1),
        ("a\u{85}@b", .controlCharacter, 1),
        ("a@b\r\nRCPT TO:<c@d>", .controlCharacter, 3),
        ("a@b\0", .controlCharacter, 3),
        ("a@\0b", .controlCharacter, 2),
        ("a@b\u{9B}c", .controlCharacter, 3),
        ("a@[1.2.3.4\n]", .controlCharacter, 10),
        ("\"a\nb\"@c", .controlCharacter, 2),
        ("\"a\tb\"@c", .controlCharacter, 2),
        ("\"a\\\nb\"@c", .controlCharacter, 3),
        ("\"a\u{90}b\"@c", .controlCharacter, 2),
        ("a@exa\u{AD}mple.com", .invalidInternationalDomain, 2),
        ("a@b\u{3002}c", .invalidInternationalDomain, 2),
        ("a@☃.net", .invalidInternationalDomain, 2),
        ("a@" + String(repeating: "ü", count: 80) + ".de", .invalidInternationalDomain, 2),
        (String(repeating: "a", count: 65) + "@b", .localPartTooLong, 0),
        ("\"" + String(repeating: "a", count: 63) + "\"@b", .localPartTooLong, 0),
        ("a@" + String(repeating: "b", count: 64), .domainTooLong, 2),
        ("a@" + String(repeating: "b.", count: 130) + "c", .domainTooLong, 2),
        (String(repeating: "a", count: 64) + "@" + String(repeating: "b.", count: 95), .unterminated, 255),
        (String(repeating: "a", count: 64) + "@" + String(repeating: "b.", count: 94) + "cc", .tooLong, 0),
    ]

    @Test(arguments: refused)
    func refuses(input: String, code: AddressError.Code, offset: Int) {
        let error = #expect(throws: AddressError.self) { try withGuarded(input) { try EnvelopeAddress.parse(mailbox: $0) } }
        #expect(error == AddressError(code, at: offset))
        #expect(error?.description.isEmpty == false)
    }

    @Test func acceptsExactlyTheLongestMailbox() throws {
        let longest = String(repeating: "a", count: 64) + "@" + String(repeating: "b.", count: 94) + "c"
        #expect(longest.utf8.count == 254)
        #expect(try EnvelopeAddress.parse(longest).text == longest)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func refusesMalformedUTF8(sequence: [UInt8]) {
        for input in [
            Array("a".utf8) + sequence + Array("@b".utf8), Array("\"a".utf8) + sequence + Array("\"@b".utf8), Array("a@b".utf8) + sequence,
        ] {
            let error = #expect(throws: AddressError.self) { try withGuarded(input) { try EnvelopeAddress.parse(mailbox: $0) } }
            #expect(error?.code == .invalidUTF8)
        }
    }

    @Test func nullAndText() throws {
        #expect(EnvelopeAddress.null.isNull)
        #expect(EnvelopeAddress.null.text == "")
        #expect(try EnvelopeAddress.parse("", allowNull: true) == .null)
        #expect(throws: AddressError(.empty, at: 0)) { try EnvelopeAddress.parse("") }
        #expect(!EnvelopeAddress(localPart: "", domain: "a").isNull)
    }

    @Test(
        arguments: [
            ("a@b.com", false, "a@b.com"), ("ä@b.com", true, nil), ("a@bücher.example", true, "a@xn--bcher-kva.example"),
            ("a@[1.2.3.4]", false, "a@[1.2.3.4]"),
        ] as [(String, Bool, String?)])
    func knowsWhatNeedsSMTPUTF8(input: String, needs: Bool, ascii: String?) throws {
        let address = try EnvelopeAddress.parse(input)
        #expect(address.needsSMTPUTF8 == needs)
        #expect(address.asciiText == ascii)
    }

    @Test(arguments: [("a\r\nDATA", "b"), ("a", "b\r\nc"), ("a\0", "b"), ("a\u{85}", "b"), ("a", "b>\n"), ("a", "")])
    func handMadeAddressesCannotInject(local: String, domain: String) {
        let text = EnvelopeAddress(localPart: local, domain: domain).text
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 || 0x7F...0x9F ~= $0.value })
        #expect(throws: AddressError.self) { try EnvelopeAddress.validated(localPart: local, domain: domain) }
    }

    @Test func validatedTakesUnquotedParts() throws {
        #expect(try EnvelopeAddress.validated(localPart: "a b", domain: "c.d").text == "\"a b\"@c.d")
        #expect(try EnvelopeAddress.validated(localPart: "", domain: "") == .null)
        #expect(throws: AddressError.self) { try EnvelopeAddress.validated(localPart: "a", domain: "b c") }
    }

    /// Every cut of an accepted mailbox is refused or is a mailbox itself, and nothing is read beyond the cut.
    @Test(arguments: accepted)
    func everyCutIsSafe(fixture: MailboxCase) {
        let bytes = Array(fixture.input.utf8)
        for cut in 0..<bytes.count {
            let part = Array(bytes[..<cut])
            guard let address = withGuarded(part, { try? EnvelopeAddress.parse(mailbox: $0) }) else { continue }
            #expect((try? EnvelopeAddress.parse(address.text)) == address)
        }
    }

    @Test(arguments: seeds)
    func randomInputKeepsTheInvariants(seed: UInt64) {
        var random = TestRandom(seed)
        let pieces = [
            "a", "B", "9", ".", "@", "@", "\"", "\\", " ", "<", ">", "[", "]", "1.2.3.4", "IPv6:", "::", ":", ",", "-", "_", "é",
            "e\u{301}", "ß", "例", "\0",
            "\r\n", "\n", "\t", "\u{85}", "example.com", "postmaster", "xn--", "!", "\u{200D}", "\u{130}", "\u{212A}", "ΑΣ",
            String(repeating: "x", count: 30),
        ]
        for _ in 0..<3000 {
            let bytes = Array(randomText(&random, pieces: pieces, upTo: 9).utf8)
            withGuarded(bytes) { MessageFuzzing.address($0) }
        }
        for _ in 0..<1000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            withGuarded(bytes) { MessageFuzzing.address($0) }
        }
    }

    /// Any local part without controls can be written and read back.
    @Test(arguments: seeds)
    func everyCleanLocalPartRoundTrips(seed: UInt64) throws {
        var random = TestRandom(seed)
        for _ in 0..<1000 {
            let local = randomText(&random, pieces: ["a", ".", "\"", "\\", " ", "@", "ü", "<", ">", ",", "(", "😀"], upTo: 12)
            let address = EnvelopeAddress(localPart: local, domain: "example.com")
            #expect(try EnvelopeAddress.parse(address.text) == address, "seed \(seed)")
        }
    }
}
