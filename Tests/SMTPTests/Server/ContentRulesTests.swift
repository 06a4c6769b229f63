import NIOCore
import Testing

@testable import SMTP

/// Content that comes another way obeys the rules of SMTP.
@Suite struct ContentRulesTests {
    private static func apply(_ text: String, _ endings: ServerConfiguration.LineEndings, limit: Int = 20) -> String {
        switch ContentRules(lineLengthHardLimit: limit, invalidLineEndings: endings).apply(to: Array(text.utf8)) {
        case .success(let bytes): String(decoding: bytes, as: UTF8.self)
        case .failure(let refusal): String(refusal.reply.wireText.prefix(9))
        }
    }

    private static let lines = "552 5.6.0"
    private static let long = "500 5.2.3"

    @Test(arguments: [
        ("", "", "", ""), ("a\r\nb", "a\r\nb", "a\r\nb", "a\r\nb"), ("a\nb\n", lines, "a\nb\n", "a\r\nb\r\n"),
        ("a\rb", lines, "a\rb", "a\r\nb"), ("a\r", lines, "a\r", "a\r\n"), ("\r\r\n\n", lines, "\r\r\n\n", "\r\n\r\n\r\n"),
        ("01234567890123456789\r\n", "01234567890123456789\r\n", "01234567890123456789\r\n", "01234567890123456789\r\n"),
        ("012345678901234567890\r\n", long, long, long), ("012345678901234567890", long, long, long),
        ("0123456789\n0123456789", lines, long, "0123456789\r\n0123456789"), (".\r\n..\r\n", ".\r\n..\r\n", ".\r\n..\r\n", ".\r\n..\r\n"),
        ("ü\r\n", "ü\r\n", "ü\r\n", "ü\r\n"), ("a\0b\r\n", "554 5.6.0", "554 5.6.0", "554 5.6.0"),
    ]) func sameAsSMTP(_ text: String, _ deny: String, _ allow: String, _ fix: String) {
        #expect(Self.apply(text, .deny) == deny && Self.apply(text, .allow) == allow && Self.apply(text, .fix) == fix)
    }

    /// What a client hears over SMTP for the same content.
    @Test(arguments: ["a\nb", "a\rb", String(repeating: "x", count: 999), "fine", String(repeating: "x", count: 998)])
    func theReplyIsThatOfSMTP(_ text: String) throws {
        let harness = try ServerHarness()
        try harness.send("HELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n")
        let said = try harness.say(text + "\r\n.\r\n")
        switch ContentRules(invalidLineEndings: .deny).apply(to: Array((text + "\r\n").utf8)) {
        case .success: #expect(said.hasPrefix("250"))
        case .failure(let refusal): #expect(said == refusal.reply.wireText)
        }
        harness.finish()
    }
}

extension Reply {
    /// The reply as it goes over the wire.
    fileprivate var wireText: String {
        var buffer = ByteBuffer()
        encode(into: &buffer)
        return String(buffer: buffer)
    }
}
