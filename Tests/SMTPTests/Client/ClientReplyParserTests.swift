import Testing

@testable import SMTP

@Suite struct ClientReplyParserTests {
    /// *Value.* One row: bytes in, codes or a failure out.
    struct Row: Sendable, CustomTestStringConvertible {
        var bytes: [UInt8]
        var codes: [Int]
        var failure: ReplyParser.Failure?
        var testDescription: String { String(decoding: bytes.prefix(40), as: UTF8.self) }
        init(_ text: String, _ codes: [Int], _ failure: ReplyParser.Failure? = nil) {
            bytes = Array(text.utf8)
            self.codes = codes
            self.failure = failure
        }
    }

    static let rows: [Row] = [
        Row("", []), Row("250 OK\r\n", [250]), Row("250\r\n", [250]), Row("250 \r\n", [250]), Row("250-\r\n250\r\n", [250]),
        Row("220-a\r\n220 b\r\n250 c\r\n", [220, 250]), Row("250-a\r\n550 b\r\n", [550]), Row("550-a\r\n250 b\r\n", [250]),
        Row("199 x\r\n", [], .malformedCode), Row("600 x\r\n", [], .malformedCode), Row("2x0 x\r\n", [], .malformedCode),
        Row("25\r\n", [], .malformedCode), Row("\r\n", [], .malformedCode), Row("2500 x\r\n", [], .malformedCode),
        Row("250\tx\r\n", [], .malformedCode), Row("250 a\rb\r\n", [250]), Row("250 a\r\r\n", [250]), Row("250 a", []), Row("250 a\r", []),
        // Bare LF, alone and mixed with CRLF.
        Row("250 OK\n", [250]), Row("250\n", [250]), Row("250 \n", [250]), Row("250-a\n250 b\r\n", [250]), Row("250-a\r\n250 b\n", [250]),
        Row("220 a\n250-b\n250-\n250\n354 c\r\n", [220, 250, 354]), Row("250-\n250-\n250 \n", [250]), Row("250 a\n550 b\n", [250, 550]),
        Row("\n", [], .malformedCode), Row("25\n", [], .malformedCode), Row("x\n", [], .malformedCode), Row("2500\n", [], .malformedCode),
        Row("250 a\n\n", [250], .malformedCode), Row(" 250 a\n", [], .malformedCode),
        // Blanks at the end.
        Row("250   \r\n", [250]), Row("250 OK  \t \r\n", [250]), Row("250\t\r\n", [250]), Row("250\r\r\n", [250]),
        Row("250- \n250 x\n", [250]),
        // Bounds hold whatever ends a line.
        Row("250 " + String(repeating: "x", count: 2043) + "\n", [250]),
        Row("250 " + String(repeating: "x", count: 2044) + "\n", [], .lineTooLong),
        Row(String(repeating: "250-x\n", count: 99) + "250 x\n", [250]), Row(String(repeating: "250-x\n", count: 100), [], .tooManyLines),
        Row("250 ok\r\nHTTP/1.1 400\r\n250 x\r\n", [250], .malformedCode),
        Row("250 " + String(repeating: "x", count: 2042) + "\r\n", [250]),
        Row("250 " + String(repeating: "x", count: 2043) + "\r\n", [], .lineTooLong),
        Row(String(repeating: "2", count: 2047), []), Row(String(repeating: "2", count: 2048), [], .lineTooLong),
        Row(String(repeating: "250-x\r\n", count: 99) + "250 x\r\n", [250]),
        Row(String(repeating: "250-x\r\n", count: 100), [], .tooManyLines),
    ]

    /// Feeds in pieces; what comes out until the first failure.
    static func parse(_ bytes: [UInt8], quiet: Int = 0, cut: (Int) -> Int) -> [ReplyParser.Outcome] {
        var parser = ReplyParser()
        var found: [ReplyParser.Outcome] = []
        var at = 0
        while at < bytes.count {
            var piece = Array(bytes[at..<at + cut(bytes.count - at)])
            at += piece.count
            while !piece.isEmpty {
                let (used, outcome) = piece.withUnsafeBytes { parser.consume($0, quietClass: quiet) }
                piece.removeFirst(used)
                guard let outcome else { continue }
                found.append(outcome)
                if case .failure = outcome { return found }
            }
        }
        return found
    }

    @Test(arguments: rows) func table(_ row: Row) {
        let whole = Self.parse(row.bytes) { $0 }
        let codes = whole.compactMap { if case .reply(let reply) = $0 { reply.code } else { nil } }
        let failures = whole.compactMap { if case .failure(let failure) = $0 { failure } else { nil } }
        #expect(codes == row.codes)
        #expect(failures.first == row.failure)
        #expect(Self.parse(row.bytes) { _ in 1 } == whole)
        let seed = UInt64.random(in: .min ... .max)
        print("reply parser seed \(seed)")
        var random = ClientTestRandom(seed: seed)
        for _ in 0..<20 { #expect(Self.parse(row.bytes) { Int.random(in: 1...$0, using: &random) } == whole, "seed \(seed)") }
    }

    @Test func textIsKeptWhereItMatters() {
        let outcomes = Self.parse(Array("250 fine\r\n450 not fine\r\n354 what?\r\n".utf8), quiet: 2) { $0 }
        #expect(
            outcomes == [
                .reply(RawReply(code: 250)), .reply(RawReply(code: 450, bytes: Array("450 not fine\r\n".utf8))),
                .reply(RawReply(code: 354, bytes: Array("354 what?\r\n".utf8))),
            ])
    }

    @Test(arguments: [
        ("250 a\r\n", false), ("250 a\n", true), ("250-a\n250 b\r\n", true), ("250-a\r\n250 b\n", true), ("250 a\r\n250 b\n", true),
    ])
    func doubtfulLineEndsAreTold(_ wire: String, _ isLiberal: Bool) {
        var parser = ReplyParser()
        var rest = Array(wire.utf8)
        while !rest.isEmpty { rest.removeFirst(rest.withUnsafeBytes { parser.consume($0, quietClass: 0) }.used) }
        #expect(parser.isLiberal == isLiberal)
    }

    /// What was no reply is told, printable and short, so that an operator sees who answers there.
    @Test(
        arguments: [
            ("SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"), ("HTTP/1.1 400 Bad Request\r\nServer: x\r\n", "HTTP/1.1 400 Bad Request"),
            ("220-a\r\n\u{16}\u{3}\u{1}x\n", "???x"), ("220 incom", "220 incom"), ("\u{15}\u{3}\u{3}", "???"), ("", nil),
            ("220 a\r\n", nil),
            (String(repeating: "x", count: 3000), String(repeating: "x", count: 160)),
        ] as [(String, String?)])
    func excerpts(_ wire: String, _ expected: String?) {
        for step in [1, 5, 4000] {
            var parser = ReplyParser()
            var rest = Array(wire.utf8)
            while !rest.isEmpty {
                var piece = Array(rest.prefix(step))
                rest.removeFirst(piece.count)
                while !piece.isEmpty { piece.removeFirst(piece.withUnsafeBytes { parser.consume($0, quietClass: 0) }.used) }
            }
            #expect(parser.excerpt == expected, "in steps of \(step)")
        }
    }

    @Test(arguments: [
        ("250 2.1.5 OK\r\n", Reply(code: 250, enhanced: EnhancedStatus(class: 2, subject: 1, detail: 5), lines: ["OK"])),
        (
            "550-5.1.1 no such\r\n550-5.1.1 user\r\n550 here\r\n",
            Reply(code: 550, enhanced: EnhancedStatus(class: 5, subject: 1, detail: 1), lines: ["no such", "user", "here"])
        ),
        ("550-5.1.1 no such  \n550 5.1.1 user\t\r\n", Reply(code: 550, enhanced: EnhancedStatus(5, 1, 1), lines: ["no such", "user"])),
        ("550\n", Reply(code: 550, enhanced: nil, lines: [""])),
        ("550 4.1.1 contradiction\r\n", Reply(code: 550, enhanced: nil, lines: ["4.1.1 contradiction"])),
        ("550 5.1 x\r\n", Reply(code: 550, enhanced: nil, lines: ["5.1 x"])),
        ("550 5.1.1234 x\r\n", Reply(code: 550, enhanced: nil, lines: ["5.1.1234 x"])),
        ("550 5.7.26\r\n", Reply(code: 550, enhanced: EnhancedStatus(class: 5, subject: 7, detail: 26), lines: [""])),
        ("250\r\n", Reply(code: 250, enhanced: nil, lines: [""])),
        ("250 a\u{1}b\u{7F}\r\n", Reply(code: 250, enhanced: nil, lines: ["a?b?"])),
        ("250 grüße\r\n", Reply(code: 250, enhanced: nil, lines: ["grüße"])),
    ])
    func text(_ wire: String, _ reply: Reply) {
        guard case .reply(let raw)? = Self.parse(Array(wire.utf8), cut: { $0 }).first else {
            Issue.record("no reply")
            return
        }
        #expect(raw.reply == reply)
        #expect(raw.enhanced == reply.enhanced)
    }

    @Test(arguments: [
        ("452 too many\r\n", ClientCommand.rcpt, true, RecipientOutcome.Disposition.transient),
        ("552 too many\r\n", .rcpt, true, .transient), ("552 5.2.2 full\r\n", .rcpt, false, .permanent),
        ("552\r\n", .rcpt, false, .permanent), ("552 mailbox full\r\n", .rcpt, false, .permanent),
        ("552 Too many recipients\r\n", .rcpt, true, .transient), ("552-sorry\r\n552 TOO MANY RECIPIENTS\r\n", .rcpt, true, .transient),
        ("552 maximum number of recipients reached\r\n", .rcpt, true, .transient), ("552 4.5.3 too many\r\n", .rcpt, true, .transient),
        ("552 5.5.3 no\r\n", .rcpt, true, .transient), ("552 5.3.4 too big\r\n", .rcpt, false, .permanent),
        ("552 5.2.2 too many messages\r\n", .rcpt, false, .permanent), ("552 quota\n", .rcpt, false, .permanent),
        ("552 too many recipients\r\n", .mail, false, .permanent), ("552 too many recipients\r\n", .data, false, .permanent),
        ("552\r\n", .dot, false, .permanent), ("552 5.3.4 x\r\n", .mail, false, .permanent), ("452\r\n", .rcpt, true, .transient),
        ("452 4.2.2 full\r\n", .rcpt, false, .transient), ("452 4.5.3 x\r\n", .rcpt, true, .transient),
        ("550 5.5.3 too many\r\n", .rcpt, true, .transient), ("451 4.5.3 too many\r\n", .rcpt, true, .transient),
        ("552 too big\r\n", .dot, false, .permanent), ("450 later\r\n", .rcpt, false, .transient),
        ("250 fine\r\n", .dot, false, .delivered), ("421 bye\r\n", .mail, false, .transient),
    ])
    func disposition(_ wire: String, _ command: ClientCommand, _ tooMany: Bool, _ expected: RecipientOutcome.Disposition) {
        let outcome = RecipientOutcome(
            raw: RawReply(code: Int(wire.prefix(3))!, bytes: Array(wire.utf8)), command: command, origin: .peer)
        #expect(outcome.isTooManyRecipients == tooMany)
        #expect(outcome.disposition == expected)
    }

    /// RFC 5321 4.5.3.1.10: behind a recipient that was accepted, 552 means that there were too many.
    @Test(arguments: [
        ("552\r\n", true), ("552 mailbox full\r\n", true), ("552 5.2.2 full\r\n", false), ("552 5.3.4 x\r\n", false), ("550 no\r\n", false),
    ])
    func a552BehindAnAcceptedRecipient(_ wire: String, _ tooMany: Bool) {
        let outcome = RecipientOutcome(
            raw: RawReply(code: Int(wire.prefix(3))!, bytes: Array(wire.utf8)), command: .rcpt, origin: .peer, followsAccepted: true)
        #expect(outcome.isTooManyRecipients == tooMany)
        #expect(outcome.disposition == (tooMany ? .transient : .permanent))
    }

    @Test func capabilities() {
        let wire =
            "250-Mail.Example says hi\r\n250-pipelining\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-SmtpUtf8\r\n250-CHUNKING\r\n"
            + "250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH PLAIN login\r\n250-AUTH=PLAIN XOAUTH2\r\n250-DSN\r\n250 X-UNKNOWN 1\r\n"
        let found = Capabilities(hello: RawReply(code: 250, bytes: Array(wire.utf8)))
        #expect(
            found.extensions == [
                .pipelining, .size, .eightBitMIME, .smtpUTF8, .chunking, .startTLS, .enhancedStatusCodes, .auth, .dsn,
            ])
        #expect(found.sizeLimit == 52_428_800)
        #expect(found.authMechanisms == ["PLAIN", "LOGIN", "XOAUTH2"])
        #expect(found.greetingName == "Mail.Example")
    }

    @Test(
        arguments: [
            ("SIZE", nil), ("SIZE 0", nil), ("SIZE 10", 10), ("SIZE 99999999999999999999999", nil), ("SIZE x", nil), ("SIZE -1", nil),
            ("SIZEX 5", nil),
        ] as [(String, Int?)])
    func sizeLimit(_ line: String, _ limit: Int?) {
        let found = Capabilities(hello: RawReply(code: 250, bytes: Array("250-x\r\n250 \(line)\r\n".utf8)))
        #expect(found.sizeLimit == limit)
        #expect(found.offers(.size) == !line.hasPrefix("SIZEX"))
    }

    @Test func theGreetingLineIsNoKeyword() {
        #expect(Capabilities(hello: RawReply(code: 250, bytes: Array("250 PIPELINING\r\n".utf8))).extensions.isEmpty)
    }

    @Test func fuzzDoorHolds() {
        let seed = UInt64.random(in: .min ... .max)
        print("client fuzzing seed \(seed)")
        var random = ClientTestRandom(seed: seed)
        let words = [
            "250 ok\r\n", "250-a\r\n", "354 go\r\n", "421 x\r\n", "550 5.1.1 no\r\n", "450 4\r\n", "\r\n", "\n", "2", "xx\r\n", "220 \r\n",
        ]
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                Int.random(in: 0..<3, using: &random) == 0
                    ? words.randomElement(using: &random)! : words[Int.random(in: 0...4, using: &random)]
            }.joined()
            Array(text.utf8).withUnsafeBytes { ClientFuzzing.reply($0) }
        }
    }
}
