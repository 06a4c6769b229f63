import NIOCore
import Testing

@testable import SMTP

@Suite struct ReplyEncodingTests {
    static let encodings: [(Reply, String)] = [
        (Reply(250, "OK"), "250 OK\r\n"),
        (Reply(550, EnhancedStatus(5, 7, 1), "no"), "550 5.7.1 no\r\n"),
        (Reply(code: 250, lines: []), "250 \r\n"),
        (Reply(code: 550, enhanced: EnhancedStatus(5, 1, 1), lines: ["a", "", "c"]), "550-5.1.1 a\r\n550-5.1.1\r\n550 5.1.1 c\r\n"),
        (Reply(550, "forged\r\n250 OK\u{0}\u{7F}"), "550 forged  250 OK  \r\n"),
        (Reply(7, "bad code"), "554 bad code\r\n"),
        (Reply(1000, "bad code"), "554 bad code\r\n"),
        (Reply(250, String(repeating: "x", count: 490)), "250-\(String(repeating: "x", count: 480))\r\n250 xxxxxxxxxx\r\n"),
    ]

    @Test(arguments: encodings)
    func encoding(reply: Reply, wire: String) {
        var buffer = ByteBuffer()
        reply.encode(into: &buffer)
        #expect(String(buffer: buffer) == wire)
    }

    @Test(arguments: ["a ", "äö", "日本語 ", "🐦"])
    func longTextsAreContinued(unit: String) {
        var buffer = ByteBuffer()
        Reply(250, EnhancedStatus(2, 0, 0), String(repeating: unit, count: 700)).encode(into: &buffer)
        let lines = String(buffer: buffer).split(separator: "\r\n")
        #expect(lines.count > 1)
        #expect(lines.allSatisfy { $0.utf8.count <= 510 })
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("250-2.0.0 ") } && lines.last?.hasPrefix("250 2.0.0 ") == true)
        #expect(!String(buffer: buffer).contains("\u{FFFD}"))
    }

    @Test func oneLine() {
        #expect(Reply(code: 550, enhanced: EnhancedStatus(5, 1, 1), lines: ["a", "b"]).oneLine == "550 5.1.1 a b")
        #expect(Reply(250, "OK").oneLine == "250 OK")
    }

    static let statuses: [(String, EnhancedStatus?)] = [
        ("5.7.1 no", EnhancedStatus(5, 7, 1)), ("2.0.0", EnhancedStatus(2, 0, 0)), ("4.123.999 x", EnhancedStatus(4, 123, 999)),
        ("5.7 no", nil), ("5.7.1no", nil), ("3.0.0 x", nil), ("5.1234.1 x", nil), ("", nil), ("5..1 x", nil), ("5.7.1. x", nil),
    ]

    @Test(arguments: statuses)
    func enhancedStatus(text: String, status: EnhancedStatus?) {
        let parsed = Array(text.utf8).withUnsafeBytes { EnhancedStatus.parse(prefix: $0)?.status }
        #expect(parsed == status)
    }
}
