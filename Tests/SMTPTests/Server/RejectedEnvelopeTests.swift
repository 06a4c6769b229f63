import NIOCore
import Testing

@testable import SMTP

/// What the record of a refusal knows: the whole command, and the envelope it was about.
@Suite struct RejectedEnvelopeTests {
    /// *Value*: what a client says, and what is reported.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var client: [String]
        var rejections: [String]

        init(_ name: String, _ client: [String], _ rejections: [String]) {
            (self.name, self.client, self.rejections) = (name, client, rejections)
        }
        var testDescription: String { name }
    }

    static let open = ["HELO c", "MAIL FROM:<a@a>", "RCPT TO:<b@b>", "RCPT TO:<c@c>"]
    static let cases: [Case] = [
        Case("hello", ["EHLO reject"], ["550 EHLO reject | - | "]),
        Case(
            "sender", ["HELO c", "mail from:<reject@a> SIZE=7 BODY=8BITMIME"],
            ["550 mail from:<reject@a> SIZE=7 BODY=8BITMIME | reject@a | "]),
        Case("too big", ["HELO c", "MAIL FROM:<a@a> SIZE=100001"], ["552 MAIL FROM:<a@a> SIZE=100001 | a@a | "]),
        Case("null sender, recipient", ["HELO c", "MAIL FROM:<>", "RCPT TO:<reject@b>"], ["550 RCPT TO:<reject@b> |  | reject@b"]),
        Case("recipient after others", open + ["RCPT TO:<reject@b>"], ["550 RCPT TO:<reject@b> | a@a | reject@b"]),
        Case("recipient syntax", open + ["RCPT TO:<x y>"], ["501 RCPT TO:<x y> | a@a | "]),
        Case("recipient parameter", open + ["rcpt to:<x@y> NOTIFY=NEVER"], ["555 rcpt to:<x@y> NOTIFY=NEVER | a@a | "]),
        Case("recipient without MAIL", ["HELO c", "RCPT TO:<x@y>"], ["503 RCPT TO:<x@y> | - | x@y"]),
        Case("MAIL before hello", ["MAIL FROM:<a@a>"], ["503 MAIL FROM:<a@a> | a@a | "]),
        Case("nested MAIL", open + ["MAIL FROM:<d@d>"], ["503 MAIL FROM:<d@d> | d@d | "]),
        Case("sender syntax", ["HELO c", "MAIL FROM: a"], ["501 MAIL FROM: a | - | "]),
        Case("unknown in a transaction", open + ["FROB x"], ["502 FROB x | a@a | b@b c@c"]),
        Case("DATA without recipients", ["HELO c", "MAIL FROM:<a@a>", "DATA"], ["503 DATA | a@a | "]),
        Case("message", open + ["DATA", "refuse", "."], ["554 DATA | a@a | b@b c@c"]),
        Case("message by BDAT", open + ["BDAT 8 LAST", "refuse"], ["554 BDAT 8 LAST | a@a | b@b c@c"]),
        Case("content", open + ["DATA", "a\nb", "."], ["552 DATA | a@a | b@b c@c"]),
        Case("after a message nothing is left", open + ["DATA", "x", ".", "FROB"], ["502 FROB | - | "]),
        Case("BDAT without recipients", ["HELO c", "MAIL FROM:<a@a>", "BDAT 2 LAST", ""], ["503 BDAT 2 LAST | a@a | "]),
        Case("disconnect", ["HELO c", "MAIL FROM:<a@a>", "RCPT TO:<drop@b>"], ["554 RCPT TO:<drop@b> | a@a | drop@b"]),
        Case("credentials", ["HELO c", "AUTH PLAIN AGEAYg=="], ["502 AUTH | - | "]),
        Case("bare LF", ["HELO c\nNOOP"], ["500 HELO c | - | "]),
        Case("control character", ["NO\u{1}OP"], ["500 NO?OP | - | "]),
        Case(
            "a long command is whole", ["HELO c", "MAIL FROM:<reject@a> AUTH=" + String(repeating: "x", count: 600)],
            ["550 MAIL FROM:<reject@a> AUTH=" + String(repeating: "x", count: 600) + " | reject@a | "]),
        Case("endless", ["NOOP " + String(repeating: "x", count: 5000)], ["500 NOOP " + String(repeating: "x", count: 251) + " | - | "]),
    ]

    @Test(arguments: cases, [Int.max, 1, 7])
    func isReported(_ test: Case, piece: Int) throws {
        let harness = try ServerHarness()
        try harness.feed(Array(test.client.map { $0 + "\r\n" }.joined().utf8)) { piece }
        // A bare LF makes two commands of one line.
        #expect(Array(harness.delegate.rejections.prefix(test.rejections.count)) == test.rejections)
        harness.finish()
    }

    @Test(arguments: cases)
    func withVerdictsThatComeLater(_ test: Case) throws {
        let harness = try ServerHarness { $0.isDeferred = true }
        harness.settle()
        try harness.feed(Array(test.client.map { $0 + "\r\n" }.joined().utf8)) { Int.max }
        #expect(Array(harness.delegate.rejections.prefix(test.rejections.count)) == test.rejections)
        harness.finish()
    }
}
