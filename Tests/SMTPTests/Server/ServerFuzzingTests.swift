import Testing

@testable import SMTP

/// The fuzzers' invariants on generated input, so that every test run covers them a little.
@Suite struct ServerFuzzingTests {
    static let words = [
        "EHLO c\r\n", "HELO xx\r\n", "MAIL FROM:<a@a>\r\n", "MAIL FROM:<> SIZE=500\r\n", "RCPT TO:<b@b>\r\n", "RCPT TO:<x@b>\r\n",
        "DATA\r\n",
        "BDAT 5\r\n", "BDAT 12 LAST\r\n", "BDAT 0 LAST\r\n", "RSET\r\n", "NOOP\r\n", "\r\n.\r\n", ".\r\n", "\r", "\n", ".", "x", "\u{E5}",
        "0123456789012345678901234567890123456789", "\r\n", "line\r\n", "..line\r\n", "EHLO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\n",
        "MAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n", "QUI", "T\r\n",
    ]

    @Test func sessions() {
        let seed = UInt64.random(in: .min ... .max)
        print("SMTP session fuzz seed \(seed)")
        var random = ServerTestGenerator(state: seed)
        for _ in 0..<100 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...40, using: &random) { bytes += Self.words.randomElement(using: &random)!.utf8 }
            if Bool.random(using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.withUnsafeBytes { SMTPFuzzing.session($0) }
        }
    }

    @Test func commands() {
        let seed = UInt64.random(in: .min ... .max)
        print("SMTP command fuzz seed \(seed)")
        var random = ServerTestGenerator(state: seed)
        let words = [
            "MAIL FROM:", "RCPT TO:", "<a@b>", "<", ">", " ", "SIZE=", "99999999999999999999", "BODY=8BITMIME", "BDAT", " 12", " LAST", "=",
            "\u{0}", "EHLO", "\t",
        ]
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &random) { bytes += words.randomElement(using: &random)!.utf8 }
            if !bytes.isEmpty, Bool.random(using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.withUnsafeBytes { SMTPFuzzing.command($0) }
        }
    }
}
