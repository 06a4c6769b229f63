import Message
import NIOCore
import Testing

@testable import SMTP

/// One conversation: what the client sends, what the server answers behind the banner, what the delegate is asked.
struct ServerTranscript: Sendable, CustomTestStringConvertible {
    var name: String
    var client: String
    var server: String
    var events: [String]?
    var contents: [String]?

    init(_ name: String, _ client: [String], _ server: [String], events: [String]? = nil, contents: [String]? = nil) {
        self.name = name
        self.client = client.map { $0 + "\r\n" }.joined()
        self.server = server.map { $0 + "\r\n" }.joined()
        self.events = events
        self.contents = contents
    }

    var testDescription: String { name }

    static let ehlo = [
        "250-mx.test Aloha c", "250-PIPELINING", "250-ENHANCEDSTATUSCODES", "250-8BITMIME", "250-SMTPUTF8", "250-CHUNKING",
        "250 SIZE 100000",
    ]
    static let hi = ["250 Hello c!"]
    static let unknown = "502 5.5.1 command not recognized"
    static let open = ["HELO c", "MAIL FROM:<a@a>", "RCPT TO:<b@b>"]
    static let opened = ["250 Hello c!", "250 OK", "250 OK"]
    static let go = "354 Send body; end with CRLF.CRLF"
    static let bye = "221 So long, and thanks for all the fish!"

    static let all: [ServerTranscript] = [
        ServerTranscript("EHLO", ["EHLO c"], ehlo, events: ["connected", "ehlo c"]),
        ServerTranscript("HELO", ["helo c"], hi, events: ["connected", "helo c"]),
        ServerTranscript("hello without name", ["EHLO", "HELO ", "HELO a b"], Array(repeating: "501 5.5.4 syntax: EHLO domain", count: 3)),
        ServerTranscript("hello refused", ["EHLO reject", "MAIL FROM:<a@a>"], ["550 not you", "503 5.5.0 say EHLO first"]),
        ServerTranscript(
            "second hello refused keeps the first", ["HELO c", "EHLO reject", "MAIL FROM:<a@a>"], ["250 Hello c!", "550 not you", "250 OK"]),
        ServerTranscript(
            "one message", open + ["DATA", "Subject: x", "", "body", ".", "QUIT"], opened + [go, "250 OK ids=1", bye],
            events: ["connected", "helo c", "mail a@a", "rcpt b@b", "message 20"], contents: ["Subject: x\r\n\r\nbody\r\n"]),
        ServerTranscript(
            "two messages", open + ["DATA", "1", "."] + open.dropFirst() + ["DATA", "2", "."],
            opened + [go, "250 OK ids=1", "250 OK", "250 OK", go, "250 OK ids=2"], contents: ["1\r\n", "2\r\n"]),
        ServerTranscript("empty message", open + ["DATA", "."], opened + [go, "250 OK ids=1"], contents: [""]),
        ServerTranscript(
            "message refused, session goes on", open + ["DATA", "refuse", ".", "MAIL FROM:<>"],
            opened + [go, "554 5.7.1 refused", "250 OK"],
            events: ["connected", "helo c", "mail a@a", "rcpt b@b", "message 8", "rejected [DATA] 554", "mail "]),
        ServerTranscript(
            "dots", open + ["DATA", "..", "...", ".x", "x.", "..x", "", "."], opened + [go, "250 OK ids=1"],
            contents: [".\r\n..\r\nx\r\nx.\r\n.x\r\n\r\n"]),
        ServerTranscript(
            "space and case", ["HELO c", "mail from: <a@a> ", "Rcpt To:\t<b@b>", "data "], ["250 Hello c!", "250 OK", "250 OK", go]),
        ServerTranscript(
            "null sender, postmaster", ["HELO c", "MAIL FROM:<>", "RCPT TO:<Postmaster>", "RCPT TO:<>"],
            ["250 Hello c!", "250 OK", "250 OK", "501 5.1.3 bad recipient address syntax"]),
        ServerTranscript("own reply of the delegate", ["HELO c", "MAIL FROM:<custom@a>"], ["250 Hello c!", "250 2.1.5 custom"]),
        ServerTranscript(
            "sender refused", ["HELO c", "MAIL FROM:<reject@a>", "RCPT TO:<b@b>", "MAIL FROM:<later@a>"],
            ["250 Hello c!", "550 5.1.1 no such user", "503 5.5.0 MAIL FROM first", "451 4.2.0 try later"],
            events: [
                "connected", "helo c", "mail reject@a", "rejected [MAIL FROM:<reject@a>] 550", "rejected [RCPT TO:<b@b>] 503",
                "mail later@a",
                "rejected [MAIL FROM:<later@a>] 451",
            ]),
        ServerTranscript(
            "recipient refused", ["HELO c", "MAIL FROM:<a@a>", "RCPT TO:<reject@b>", "DATA", "RCPT TO:<b@b>", "DATA", "x", "."],
            ["250 Hello c!", "250 OK", "550 5.1.1 no such user", "503 5.5.0 RCPT TO first", "250 OK", go, "250 OK ids=1"]),
        ServerTranscript("421 closes", ["HELO c", "MAIL FROM:<bye@a>", "NOOP"], ["250 Hello c!", "421 4.7.0 bye"]),
        ServerTranscript("disconnect closes", ["HELO c", "MAIL FROM:<drop@a>", "NOOP"], ["250 Hello c!", "554 5.7.1 dropped"]),
        ServerTranscript(
            "sequence before HELO",
            [
                "MAIL FROM:<a@a>", "RCPT TO:<b@b>", "DATA", "BDAT 3", "ab", "RSET", "NOOP x", "HELP", "VRFY x", "EXPN x", "STARTTLS",
                "AUTH PLAIN AGEAYg==", "XCLIENT ADDR=1.2.3.4",
            ].flatMap { $0 == "ab" ? [] : [$0 == "BDAT 3" ? "BDAT 4\r\nab" : $0] },
            [
                "503 5.5.0 say EHLO first", "503 5.5.0 MAIL FROM first", "503 5.5.0 MAIL FROM first", "503 5.5.0 MAIL FROM first",
                "250 Reset state",
                "250 the goggles do nothing", "214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT; see RFC 5321",
                "252 2.1.5 no verification; send the message and see", "502 5.5.1 command not supported",
                "502 5.5.1 this extension is not offered here", "502 5.5.1 this extension is not offered here",
                "550 insufficient authorization",
            ]),
        ServerTranscript(
            "sequence in a transaction",
            open + ["MAIL FROM:<c@c>", "STARTTLS", "AUTH PLAIN", "XCLIENT NAME=x", "NOOP", "VRFY x", "HELP DATA", "DATA", "x", "."],
            opened + [
                "503 5.5.0 a transaction is already open", "503 5.5.0 not within a transaction", "503 5.5.0 not within a transaction",
                "503 5.5.0 not within a transaction",
                "250 the goggles do nothing", "252 2.1.5 no verification; send the message and see",
                "214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT; see RFC 5321", go, "250 OK ids=1",
            ]),
        ServerTranscript(
            "RSET drops the envelope", open + ["RSET", "DATA", "RCPT TO:<b@b>", "MAIL FROM:<a@a>"],
            opened + ["250 Reset state", "503 5.5.0 MAIL FROM first", "503 5.5.0 MAIL FROM first", "250 OK"]),
        ServerTranscript("EHLO drops the envelope", open + ["EHLO c", "DATA"], opened + ehlo + ["503 5.5.0 MAIL FROM first"]),
        ServerTranscript(
            "arguments where none belong", ["DATA x", "RSET x", "QUIT x", "STARTTLS x", "VRFY"],
            Array(repeating: "501 5.5.4 this command takes no argument", count: 4) + ["501 5.5.4 syntax: VRFY string"]),
        ServerTranscript(
            "unknown", ["", "FOO", "MAILFROM:<a@a>", "STARTTLSX", "DATAX", "GET / HTTP/1.1"], Array(repeating: unknown, count: 6)),
        ServerTranscript("after QUIT nothing", ["QUIT", "NOOP", "HELO c"], [bye], events: ["connected"]),
        ServerTranscript(
            "log shows no credentials", ["AUTH PLAIN AGEAYg=="], ["502 5.5.1 this extension is not offered here"],
            events: ["connected", "rejected [AUTH] 502"]),
        ServerTranscript(
            "BDAT", open + ["BDAT 6", "abcd", "BDAT 3 LAST", "e"], opened + ["250 OK", "250 OK ids=1"], contents: ["abcd\r\ne\r\n"]),
        ServerTranscript(
            "BDAT knows no dots", open + ["BDAT 10 LAST", ".", "..x", "."], opened + ["250 OK ids=1", unknown], contents: [".\r\n..x\r\n."]
        ).replacing("BDAT 10 LAST\r\n.\r\n..x\r\n.\r\n", "BDAT 9 LAST\r\n.\r\n..x\r\n.\r\n"),
        ServerTranscript(
            "BDAT zero LAST", open + ["BDAT 3", "a", "BDAT 0 last", "NOOP"],
            opened + ["250 OK", "250 OK ids=1", "250 the goggles do nothing"], contents: ["a\r\n"]),
        ServerTranscript(
            "between chunks", open + ["BDAT 3", "a", "MAIL FROM:<a@a>", "RCPT TO:<b@b>", "DATA", "NOOP", "BDAT 3 LAST", "b"],
            opened + [
                "250 OK", "503 5.5.0 BDAT in progress", "503 5.5.0 BDAT in progress", "503 5.5.0 BDAT in progress",
                "250 the goggles do nothing", "250 OK ids=1",
            ], contents: ["a\r\nb\r\n"]),
        ServerTranscript(
            "RSET between chunks", open + ["BDAT 3", "a", "RSET", "BDAT 3 LAST", "b", "NOOP"],
            opened + ["250 OK", "250 Reset state", "503 5.5.0 MAIL FROM first", "250 the goggles do nothing"], contents: []),
        ServerTranscript(
            "BDAT without recipients swallows its octets", ["HELO c", "MAIL FROM:<a@a>", "BDAT 6 LAST", "QUIT", "NOOP"],
            ["250 Hello c!", "250 OK", "503 5.5.0 RCPT TO first", "250 the goggles do nothing"]),
        ServerTranscript("BDAT of unknown length closes", open + ["BDAT x", "QUIT"], opened + ["501 5.5.4 syntax: BDAT octets [LAST]"]),
        ServerTranscript(
            "BDAT of absurd length closes", open + ["BDAT 99999999999999999999", "QUIT"], opened + ["501 5.5.4 syntax: BDAT octets [LAST]"]),
        ServerTranscript(
            "BDAT lone LF", open + ["BDAT 4 LAST", "a\nb", "NOOP"],
            opened + ["552 5.6.0 message data must use CRLF for line endings", unknown, "250 the goggles do nothing"], contents: []
        )
        .replacing("a\nb\r\nNOOP", "a\nbc\r\nNOOP"),
        ServerTranscript(
            "BDAT ending in lone CR", open + ["BDAT 2 LAST\r\na\rNOOP"],
            opened + ["552 5.6.0 message data must use CRLF for line endings", "250 the goggles do nothing"], contents: []),
        ServerTranscript(
            "BDAT CR and LF in two chunks", open + ["BDAT 2\r\na\rBDAT 1 LAST\r\n\nNOOP"],
            opened + ["250 OK", "250 OK ids=1", "250 the goggles do nothing"], contents: ["a\r\n"]),
        ServerTranscript(
            "parameters",
            [
                "HELO c", "MAIL FROM:<a@a> SIZE=100 BODY=8bitmime SMTPUTF8 AUTH=<>", "RSET", "MAIL FROM:<a@a> BODY=7BIT", "RSET",
                "MAIL FROM:<a@a>  SIZE=100000",
            ],
            ["250 Hello c!", "250 OK", "250 Reset state", "250 OK", "250 Reset state", "250 OK"]),
        ServerTranscript(
            "parameters that are wrong",
            ["HELO c"]
                + ["SIZE", "SIZE=", "SIZE=x", "SIZE=-1", "SIZE=1 SIZE=2", "BODY=9BIT", "BODY", "SMTPUTF8=1", "AUTH="].map {
                    "MAIL FROM:<a@a> " + $0
                },
            hi + Array(repeating: "501 5.5.4 bad parameter", count: 9)),
        ServerTranscript(
            "parameters that are not supported",
            ["HELO c"]
                + ["RET=FULL", "ENVID=x", "BODY=BINARYMIME", "X", "=", "MT-PRIORITY=3", "REQUIRETLS"].map { "MAIL FROM:<a@a> " + $0 } + [
                    "MAIL FROM:<a@a>", "RCPT TO:<b@b> NOTIFY=NEVER",
                ],
            hi + Array(repeating: "555 5.5.4 parameter not supported", count: 7) + ["250 OK", "555 5.5.4 parameter not supported"]),
        ServerTranscript(
            "announced size", ["HELO c", "MAIL FROM:<a@a> SIZE=100001", "MAIL FROM:<a@a> SIZE=99999999999999999999", "RCPT TO:<b@b>"],
            ["250 Hello c!", "552 5.3.4 message too big", "552 5.3.4 message too big", "503 5.5.0 MAIL FROM first"]),
        ServerTranscript(
            "bad addresses",
            [
                "HELO c", "MAIL FROM:a@a", "MAIL FROM:<a@a", "MAIL FROM:<a@a>x", "MAIL TO:<a@a>", "MAIL", "MAIL FROM:<a@a>", "RCPT TO:<b>",
                "RCPT TO:<b@b>x", "RCPT FROM:<b@b>", "RCPT",
            ],
            hi + Array(repeating: "501 5.1.7 bad sender address syntax", count: 3)
                + Array(repeating: "501 5.5.4 syntax: MAIL FROM:<address> [parameters]", count: 2)
                + [
                    "250 OK", "501 5.1.3 bad recipient address syntax", "501 5.1.3 bad recipient address syntax",
                    "501 5.5.4 syntax: RCPT TO:<address>", "501 5.5.4 syntax: RCPT TO:<address>",
                ]),
        ServerTranscript(
            "internationalised",
            ["HELO c", "MAIL FROM:<ä@a>", "MAIL FROM:<a@a>", "RCPT TO:<ä@b>", "RSET", "MAIL FROM:<ä@a> SMTPUTF8", "RCPT TO:<ö@b>"],
            [
                "250 Hello c!", "553 5.6.7 non-ASCII address without SMTPUTF8", "250 OK", "553 5.6.7 non-ASCII address without SMTPUTF8",
                "250 Reset state", "250 OK", "250 OK",
            ]),
        ServerTranscript(
            "control character", ["NO\u{0}OP", "NOOP \u{7F}", "NO\rOP"],
            Array(repeating: "500 5.5.2 control character in command", count: 3)),
        ServerTranscript(
            "lone LF in commands", ["NOOP\nNOOP\nNOOP"],
            ["500 5.5.2 command lines must end with CRLF", "500 5.5.2 command lines must end with CRLF", "250 the goggles do nothing"]),
        ServerTranscript(
            "long line",
            [
                "NOOP " + String(repeating: "x", count: 2041), "NOOP " + String(repeating: "x", count: 2042),
                "NOOP " + String(repeating: "y", count: 9000), "NOOP",
            ],
            ["250 the goggles do nothing", "500 5.2.3 line too long", "500 5.2.3 line too long", "250 the goggles do nothing"]),
        ServerTranscript(
            "content line limit",
            open + ["DATA", String(repeating: "x", count: 998), "." + String(repeating: "y", count: 998), "."] + open.dropFirst() + [
                "DATA", String(repeating: "x", count: 999), ".", "NOOP",
            ],
            opened + [go, "250 OK ids=1", "250 OK", "250 OK", go, "500 5.2.3 line too long", "250 the goggles do nothing"]),
        ServerTranscript(
            "too many errors", Array(repeating: "FOO", count: 25),
            Array(repeating: unknown, count: 19) + ["421 4.7.0 mx.test too many errors"]),
    ]

    func replacing(_ old: String, _ new: String) -> ServerTranscript {
        var copy = self
        precondition(copy.client.contains(old))
        copy.client = copy.client.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
        return copy
    }
}

@Suite struct ServerTranscriptTests {
    static let banner = "220 mx.test Apus\r\n"

    private func play(_ transcript: ServerTranscript, deferred: Bool, _ pieces: () -> Int) throws -> ServerHarness {
        let harness = try ServerHarness { $0.isDeferred = deferred }
        harness.settle()
        try harness.feed(Array(transcript.client.utf8), pieces: pieces)
        return harness
    }

    private func check(_ transcript: ServerTranscript, _ harness: ServerHarness, _ how: String) {
        #expect(harness.replies == Self.banner + transcript.server, "\(transcript.name), \(how)")
        let events = harness.delegate.events.filter { $0 != "closed" }
        if let expected = transcript.events { #expect(events == expected, "\(transcript.name), \(how)") }
        if let contents = transcript.contents {
            #expect(harness.delegate.contents.map { String(decoding: $0, as: UTF8.self) } == contents, "\(transcript.name), \(how)")
        }
        harness.finish()
        #expect(harness.delegate.events.last == "closed")
        #expect(harness.delegate.events.filter { $0 == "closed" }.count == 1)
    }

    @Test(arguments: ServerTranscript.all, [false, true])
    func whole(transcript: ServerTranscript, deferred: Bool) throws {
        check(transcript, try play(transcript, deferred: deferred) { Int.max }, "whole")
    }

    @Test(arguments: ServerTranscript.all, [false, true])
    func byteByByte(transcript: ServerTranscript, deferred: Bool) throws {
        check(transcript, try play(transcript, deferred: deferred) { 1 }, "byte by byte")
    }

    @Test(arguments: ServerTranscript.all)
    func cutAtRandom(transcript: ServerTranscript) throws {
        for _ in 0..<10 {
            let seed = UInt64.random(in: .min ... .max)
            var random = ServerTestGenerator(state: seed)
            let longest = Int.random(in: 2...60, using: &random)
            let harness = try play(transcript, deferred: seed & 1 == 0) { Int.random(in: 1...longest, using: &random) }
            check(transcript, harness, "seed \(seed)")
        }
    }

    @Test func nonUTF8Command() throws {
        let harness = try ServerHarness()
        try harness.feed(Array("NOOP ".utf8) + [0xC3, 0x28] + Array("\r\n".utf8)) { Int.max }
        #expect(harness.replies == Self.banner + "501 5.5.2 Invalid UTF-8 in command\r\n")
        harness.finish()
    }

    @Test func whatTheDelegateSees() throws {
        let harness = try ServerHarness()
        try harness.send(
            "EHLO c\r\nMAIL FROM:<a@a> SIZE=5 BODY=8BITMIME AUTH=x+3Dy\r\nRCPT TO:<b@b>\r\nRCPT TO:<c@c>\r\nDATA\r\nå\r\n.\r\n")
        let message = try #require(harness.delegate.messages.first)
        #expect(message.sender.text == "a@a")
        #expect(message.recipients.map(\.text) == ["b@b", "c@c"])
        #expect(message.is8bit && message.size == 4 && message.streamedBytes == 0)
        #expect(message.parameters.size == 5 && message.parameters.body == .eightBitMIME && message.parameters.auth == "x+3Dy")
        #expect(message.receivedAt > 1_600_000_000_000_000_000)
        let facts = try #require(harness.delegate.facts)
        #expect(facts.ehlo == "c" && facts.isESMTP && facts.peerText == "127.0.0.1:40000" && facts.peerIP == "127.0.0.1")
        harness.finish()
    }
}
