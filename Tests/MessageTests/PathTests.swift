import Message
import Testing

@Suite struct PathTests {
    /// Input, whether null is allowed, text of the address, bytes taken.
    static let accepted: [(String, Bool, String, Int)] = [
        ("<>", true, "", 2),
        ("<> BODY=8BITMIME", true, "", 2),
        ("<a@b>", true, "a@b", 5),
        ("<a@b>", false, "a@b", 5),
        ("<a@b> SIZE=1", false, "a@b", 5),
        ("<a@b>>", false, "a@b", 5),
        ("<a@b>\r\n", false, "a@b", 5),
        (#"<"a>b"@c>"#, false, #""a>b"@c"#, 9),
        ("<postmaster>", false, "postmaster", 12),
        ("<Postmaster@example.com>", false, "Postmaster@example.com", 24),
        ("<@a:b@c>", false, "b@c", 8),
        ("<@a,@b.example:c@d>", true, "c@d", 19),
        ("<a@[IPv6:::1]>", false, "a@[IPv6:::1]", 14),
        ("<ü@ü.de> SMTPUTF8", true, "ü@ü.de", 10),
    ]

    @Test(arguments: accepted)
    func accepts(input: String, allowNull: Bool, text: String, consumed: Int) throws {
        let result = try withGuarded(input) { try PathParser.parse($0, allowNull: allowNull) }
        #expect(result.address.text == text)
        #expect(result.consumed == consumed)
    }

    static let refused: [(String, Bool, AddressError.Code)] = [
        ("", true, .empty),
        ("<>", false, .nullNotAllowed),
        ("< >", true, .invalidLocalPart),
        ("a@b", true, .missingAngleBracket),
        (" <a@b>", true, .missingAngleBracket),
        ("<", true, .unterminated),
        ("<a@b", true, .unterminated),
        ("<a", false, .missingDomain),
        ("<a>", false, .missingDomain),
        ("<postmaster>", true, .missingDomain),
        (#"<"postmaster">"#, false, .missingDomain),
        ("<a@b c>", false, .invalidDomain),
        ("<a@b:25>", false, .invalidDomain),
        ("<a@b\r\n>", false, .controlCharacter),
        ("<\0a@b>", false, .controlCharacter),
        ("\r\n<a@b>", false, .controlCharacter),
        ("<<a@b>>", false, .invalidLocalPart),
        ("<@a>", true, .invalidRoute),
        ("<@a:>", true, .invalidLocalPart),
        ("<@a,b:c@d>", true, .invalidRoute),
        ("<@a,:c@d>", true, .invalidRoute),
        ("<@:c@d>", true, .invalidDomain),
        ("<@a:@b:c@d>", true, .invalidLocalPart),
        ("<@a", true, .unterminated),
        ("<" + String(repeating: "@a,", count: 5000) + "@b:c@d>", true, .tooLong),
        ("<" + String(repeating: "@aaaa,", count: 41) + "@b:c@dddddd>", true, .tooLong),
    ]

    @Test(arguments: refused)
    func refuses(input: String, allowNull: Bool, code: AddressError.Code) {
        let error = #expect(throws: AddressError.self) { try withGuarded(input) { try PathParser.parse($0, allowNull: allowNull) } }
        #expect(error?.code == code)
    }

    /// A path cut anywhere before its end is not a path; what follows its end does not matter.
    @Test(arguments: accepted)
    func cutsAndTails(input: String, allowNull: Bool, text: String, consumed: Int) throws {
        let bytes = Array(input.utf8)
        for cut in 0..<consumed {
            #expect(throws: AddressError.self) { try withGuarded(Array(bytes[..<cut])) { try PathParser.parse($0, allowNull: allowNull) } }
        }
        for tail in ["", " X=Y", "\0", "\r\n", "a", ">"] {
            let result = try withGuarded(Array(bytes[..<consumed]) + Array(tail.utf8)) { try PathParser.parse($0, allowNull: allowNull) }
            #expect(result.consumed == consumed && result.address.text == text)
        }
    }
}
