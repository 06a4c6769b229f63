@testable import SMTP

/// Dialogues in which the envelope of the next message leaves behind the content of the present one. `C: |` ends a write.
enum ClientLookAheadTranscripts {
    static let all: [ClientTranscript] = rows + refusals + accidents + local + notAsked

    // MARK: Pieces

    static func opening(_ keywords: String...) -> String {
        "S: 220 hi\nC: EHLO me.test\nC: |\n" + (["me.test"] + keywords).map { "S: 250-\($0)\n" }.joined() + "S: 250 HELP\nE: ready\n"
    }

    /// The envelope of the first message, or of one that follows.
    static func envelope(_ recipient: String, resets: Bool = true) -> String {
        "\(resets ? "C: RSET\n" : "")C: MAIL FROM:<from@a.test>\nC: RCPT TO:<\(recipient)>\nC: DATA\n"
    }

    static let content = "C: S: x\nC: \nC: hi\nC: .\n"
    static let mark = "C: |\n"
    static let accepted = "S: 250 OK\nS: 250 OK\nS: 354 go\n"
    static let queued = "S: 250 queued\nE: result 250 dot\n"

    /// Until a's content and b's envelope have left in one write.
    static func ahead(_ keywords: String = "PIPELINING", resets: Bool = true) -> String {
        opening(keywords) + "> ahead b@x\n> send a@x\n" + envelope("a@x", resets: false) + mark + accepted + content
            + envelope("b@x", resets: resets) + mark
    }

    static func transcript(
        _ name: String, message: ClientTranscriptMessage = ClientTranscriptMessage(), _ parts: String...
    ) -> ClientTranscript {
        make(name, { _ in }, message, parts)
    }

    static func transcript(_ name: String, _ adjust: (inout ClientConfiguration) -> Void, _ parts: String...) -> ClientTranscript {
        make(name, adjust, ClientTranscriptMessage(), parts)
    }

    private static func make(
        _ name: String, _ adjust: (inout ClientConfiguration) -> Void, _ message: ClientTranscriptMessage, _ parts: [String]
    ) -> ClientTranscript {
        var transcript = ClientTranscript("look-ahead: " + name, adjust, message: message, parts.joined())
        transcript.marksWrites = true
        return transcript
    }

    // MARK: Dialogues

    static let rows: [ClientTranscript] = [
        transcript(
            "two in a row", ahead(), queued, "S: 250 OK\n", accepted, content, mark, queued,
            "> quit\n", "C: QUIT\n", mark, "S: 221 bye\n", "E: closed quit - idle\n"),
        transcript(
            "three in a row, each round's replies together", opening("PIPELINING"), "> ahead b@x\n> ahead c@x\n> send a@x\n",
            envelope("a@x", resets: false), mark, accepted, content, envelope("b@x"), mark,
            "S: 250 queued a\nS: 250 OK\n", accepted, content, envelope("c@x"), mark, "E: result 250 dot\n",
            "S: 250 queued b\nS: 250 OK\n", accepted, content, mark, "E: result 250 dot\n",
            queued, "> send d@x\n", envelope("d@x"), mark),
        transcript(
            "without RSET", { $0.enableRSET = false }, opening("PIPELINING"), "> ahead b@x\n> ahead c@x\n> send a@x\n",
            envelope("a@x", resets: false), mark, accepted, content, envelope("b@x", resets: false), mark,
            queued, accepted, content, envelope("c@x", resets: false), mark,
            queued, accepted, content, mark, queued),
        transcript(
            "SIZE and several recipients", opening("PIPELINING", "SIZE 1000"), "> ahead c@x d@x\n> send a@x b@x\n",
            "C: MAIL FROM:<from@a.test> SIZE=12\nC: RCPT TO:<a@x>\nC: RCPT TO:<b@x>\nC: DATA\n", mark, "S: 250 OK\n", accepted, content,
            "C: RSET\nC: MAIL FROM:<from@a.test> SIZE=12\nC: RCPT TO:<c@x>\nC: RCPT TO:<d@x>\nC: DATA\n", mark,
            "S: 250 queued\n", "E: result 250 dot, 250 dot\n", "S: 250 OK\nS: 250 OK\n", accepted, content, mark,
            "S: 250 queued\n", "E: result 250 dot, 250 dot\n"),
        transcript(
            "CHUNKING offered but switched off", { $0.enableChunking = false }, ahead("PIPELINING\nS: 250-CHUNKING"), queued,
            "S: 250 OK\n", accepted, content, mark, queued),
        transcript(
            "one sent after the row took over waits, so nothing is asked", ahead(), queued, "> send c@x\n> ahead d@x\n",
            "S: 250 OK\n", accepted, content, mark, "S: 250 queued\n", envelope("c@x"), mark, "E: result 250 dot\n"),
        transcript(
            "quit while the first waits", ahead(), "> quit\n", "S: 250 queued\n", "E: result 250 dot; over\n", "> ahead c@x\n",
            "S: 250 OK\n", accepted, content, mark,
            "S: 250 queued\n", "C: QUIT\n", mark, "E: result 250 dot; over\n", "S: 221 bye\n", "E: closed quit - idle\n"),
        transcript(
            "quit while the second waits", ahead(), queued, "S: 250 OK\n", "> quit\n> ahead c@x\n", accepted, content, mark,
            "S: 250 queued\n", "C: QUIT\n", mark, "E: result 250 dot; over\n", "> disconnect\n", "E: closed quit - idle\n"),
        transcript(
            "quit while the first waits, the second is refused", ahead(), "> quit\n", "S: 250 queued\n", "E: result 250 dot; over\n",
            "S: 250 OK\nS: 550 no\nS: 503 no\nS: 503 no\n", "C: QUIT\n", mark, "E: result 550 mail; over\n"),
        transcript(
            "each reply has its own deadline",
            {
                $0.timeouts.dataDot = .seconds(30)
                $0.timeouts.mail = .seconds(20)
                $0.timeouts.data = .seconds(10)
            }, ahead(), "> wait 29\n", queued, "> wait 4\n", "S: 250 OK\n", "> wait 19\n", "S: 250 OK\n", "> wait 299\n", "S: 250 OK\n",
            "> wait 9\n", "S: 354 go\n", content, mark, "> wait 29\n", "> wait 2\n", "E: result 400 dot ambiguous; over\n",
            "E: closed timedOut dot\n"),
    ]

    static let refusals: [ClientTranscript] = [
        transcript(
            "the first is refused at the dot", ahead(), "S: 550 5.7.1 spam\n", "E: result 550 dot\n", "S: 250 OK\n", accepted, content,
            mark,
            queued),
        transcript(
            "the first is deferred at the dot, no RSET", { $0.enableRSET = false }, ahead(resets: false), "S: 451 later\n",
            "E: result 451 dot\n", accepted, content, mark, queued),
        transcript(
            "the first is refused, and the server does not forget it", { $0.enableRSET = false }, ahead(resets: false), "S: 554 no\n",
            "E: result 554 dot\n", "S: 503 nested MAIL\n", "E: result 400 mail transport; over between\n",
            "E: closed protocolError mail\n"),
        transcript(
            "503 to MAIL after a delivery is a refusal", { $0.enableRSET = false }, ahead(resets: false), queued,
            "S: 503 no\nS: 503 no\nS: 503 no\n", "E: result 503 mail\n", "> send c@x\n", envelope("c@x"), mark),
        transcript(
            "one recipient of the first is refused", opening("PIPELINING"), "> ahead c@x\n> send a@x b@x\n",
            "C: MAIL FROM:<from@a.test>\nC: RCPT TO:<a@x>\nC: RCPT TO:<b@x>\nC: DATA\n", mark,
            "S: 250 OK\nS: 550 no\nS: 250 OK\nS: 354 go\n", content, envelope("c@x"), mark, "S: 250 queued\n",
            "E: result 550 rcpt, 250 dot\n", "S: 250 OK\n", accepted, content, mark, queued),
        transcript(
            "MAIL of the second", ahead(), queued, "S: 250 OK\nS: 451 no\nS: 503 no\nS: 503 no\n", "E: result 451 mail\n",
            "> send c@x\n", envelope("c@x"), mark),
        transcript(
            "MAIL of the second, but the rest is accepted", ahead(), queued, "S: 250 OK\nS: 550 no\nS: 250 OK\nS: 354 go\n",
            "C: .\n", mark, "S: 250 OK\n", "E: result 550 mail\n"),
        transcript(
            "the recipient of the second", ahead(), queued, "S: 250 OK\nS: 250 OK\nS: 550 5.1.1 no\nS: 503 no\n", "E: result 550 rcpt\n",
            "> send c@x\n", envelope("c@x"), mark),
        transcript(
            "the recipient of the second, 354 all the same", ahead(), "> ahead c@x\n", queued,
            "S: 250 OK\nS: 250 OK\nS: 450 no\nS: 354 go\n", "C: .\n", mark, "S: 554 nobody\n", "E: result 450 rcpt\n",
            "> send d@x\n", envelope("d@x"), mark, "S: 250 OK\n", accepted, content, envelope("c@x"), mark),
        transcript(
            "DATA of the second", ahead(), queued, "S: 250 OK\nS: 250 OK\nS: 250 OK\nS: 452 full\n", "E: result 452 data\n",
            "> send c@x\n", envelope("c@x"), mark),
        transcript(
            "the dot of the second", ahead(), queued, "S: 250 OK\n", accepted, content, mark, "S: 554 no\n", "E: result 554 dot\n",
            "> send c@x\n", envelope("c@x"), mark),
        transcript("RSET alone", ahead(), queued, "S: 502 what?\n", accepted, content, mark, queued),
        transcript(
            "RSET and MAIL", ahead(), queued, "S: 502 what?\nS: 503 no\n", "E: result 400 mail transport; over between\n",
            "E: closed protocolError mail\n"),
        transcript(
            "354 to the dot", ahead(), "S: 354 again\n", "E: result 400 dot ambiguous; over\n", "E: closed protocolError dot unfinished\n"),
        transcript(
            "both refused in one read", ahead(), "S: 550 spam\nS: 250 OK\nS: 550 no\nS: 503 no\nS: 503 no\n", "E: result 550 dot\n",
            "E: result 550 mail\n"),
    ]

    /// What the server says in order, and what it then still owes.
    static let stages: [(said: String, owed: ClientCommand, seconds: Int)] = [
        ("", .dot, 300), (queued, .rset, 5), ("S: 250 OK\n", .mail, 300), ("S: 250 OK\n", .rcpt, 300), ("S: 250 OK\n", .data, 300),
        ("S: 354 go\n" + content + mark, .dot, 300),
    ]

    static let accidents: [ClientTranscript] = stages.indices.flatMap { index in
        let (_, owed, seconds) = stages[index]
        let before = ahead() + stages[...index].map(\.said).joined()
        // Only a lost reply to the dot leaves open what became of the message.
        let lost = "400 \(owed) \(owed == .dot ? "ambiguous" : "transport")"
        let unfinished = index == 0 ? " unfinished" : ""
        // Garbage breaks the session as long as nothing of the message was sent.
        func isBetween(_ kind: String) -> Bool { index == 1 || index == 2 || (kind == "protocolError" && (3...4).contains(index)) }
        func end(_ outcome: String, _ kind: String) -> String {
            "E: result \(outcome); over\(isBetween(kind) ? " between" : "")\nE: closed \(kind) \(owed)\(unfinished)\n> send late@x\n"
        }
        let place = "waiting for \(owed) of the \(index == 0 ? "first" : "second")"
        return [
            transcript("421, \(place)", before, "S: 421 4.3.2 leaving\n", end("421 \(owed)", "serviceClosing")),
            transcript(
                "421 and more, \(place)", before, "S: 421 4.3.2 leaving\nS: 250 OK\nS: 354 go\n", end("421 \(owed)", "serviceClosing")),
            transcript("disconnected, \(place)", before, "> disconnect\n", end(lost, "disconnected")),
            transcript("timeout, \(place)", before, "> wait \(seconds - 1)\n> wait 2\n", end(lost, "timedOut")),
            transcript("abort, \(place)", before, "> abort\n", end(lost, "aborted")),
            transcript("quit, then disconnected, \(place)", before, "> quit\n> disconnect\n", end(lost, "disconnected")),
            transcript("garbage, \(place)", before, "S: hello there\n", end(lost, "protocolError")),
        ]
    }

    /// a has its content written alone; what `next` returned cannot be sent.
    private static func alone(_ keywords: String..., next: String, size: String = "") -> String {
        opening(keywords.joined(separator: "\nS: 250-")) + "> \(next)\n> send a@x\n"
            + "C: MAIL FROM:<from@a.test>\(size)\nC: RCPT TO:<a@x>\nC: DATA\n" + mark + accepted + content + mark
    }

    static let local: [ClientTranscript] = [
        transcript(
            "too big", alone("PIPELINING", "SIZE 100", next: "ahead-big b@x c@x", size: " SIZE=12"), "S: 250 queued\n",
            "E: result 250 dot\n", "E: result 552 mail local, 552 mail local\n", "> send d@x\n",
            "C: RSET\nC: MAIL FROM:<from@a.test> SIZE=12\nC: RCPT TO:<d@x>\nC: DATA\n", mark),
        transcript(
            "8-bit", alone("PIPELINING", next: "ahead-8bit b@x"), "S: 550 spam\n", "E: result 550 dot\n", "E: result 554 mail local\n",
            "> quit\n", "C: QUIT\n", mark),
        transcript(
            "an address that would be two commands", alone("PIPELINING", next: "ahead b\r\nRCPT@x"), "S: 250 queued\n",
            "E: result 250 dot\n",
            "E: result 553 rcpt local\n"),
        transcript(
            "too big, 421", alone("PIPELINING", "SIZE 100", next: "ahead-big b@x", size: " SIZE=12"), "S: 421 leaving\n",
            "E: result 421 dot; over\n", "E: closed serviceClosing dot unfinished\n"),
        transcript(
            "too big, disconnected", alone("PIPELINING", "SIZE 100", next: "ahead-big b@x", size: " SIZE=12"), "> disconnect\n",
            "E: result 400 dot ambiguous; over\n", "E: closed disconnected dot unfinished\n"),
        transcript(
            "too big, abort", alone("PIPELINING", "SIZE 100", next: "ahead-big b@x", size: " SIZE=12"), "> abort\n",
            "E: result 400 dot ambiguous; over\n", "E: closed aborted dot unfinished\n"),
        transcript(
            "too big, quit", alone("PIPELINING", "SIZE 100", next: "ahead-big b@x", size: " SIZE=12"), "> quit\n", "S: 250 queued\n",
            "C: QUIT\n", mark, "E: result 250 dot; over\n", "S: 221 bye\n", "E: closed quit - idle unfinished\n"),
        transcript(
            "the second of three is too big", opening("PIPELINING", "SIZE 100"), "> ahead-big b@x\n> ahead c@x\n> send a@x\n",
            "C: MAIL FROM:<from@a.test> SIZE=12\nC: RCPT TO:<a@x>\nC: DATA\n", mark, accepted, content, mark, "S: 250 queued\n",
            "E: result 250 dot\n", "E: result 552 mail local\n", "> send d@x\n",
            "C: RSET\nC: MAIL FROM:<from@a.test> SIZE=12\nC: RCPT TO:<d@x>\nC: DATA\n", mark, "S: 250 OK\n", accepted, content,
            "C: RSET\nC: MAIL FROM:<from@a.test> SIZE=12\nC: RCPT TO:<c@x>\nC: DATA\n", mark),
    ]

    static let notAsked: [ClientTranscript] = [
        transcript(
            "not when nothing follows", opening("PIPELINING"), "> send a@x\n", envelope("a@x", resets: false), mark, accepted, content,
            mark,
            queued),
        transcript(
            "not when DATA was refused", opening("PIPELINING"), "> ahead b@x\n> send a@x\n", envelope("a@x", resets: false), mark,
            "S: 250 OK\nS: 250 OK\nS: 451 no\n", "E: result 451 data\n"),
        transcript(
            "not behind a lone dot", opening("PIPELINING"), "> ahead b@x\n> send a@x\n", envelope("a@x", resets: false), mark,
            "S: 250 OK\nS: 550 no\nS: 354 go\n", "C: .\n", mark, "S: 250 OK\n", "E: result 550 rcpt\n"),
        transcript(
            "not when one waits", opening("PIPELINING"), "> ahead b@x\n> send a@x\n", envelope("a@x", resets: false), mark,
            "> send c@x\n", accepted, content, mark, "S: 250 queued\n", envelope("c@x"), mark, "E: result 250 dot\n",
            "S: 250 OK\n", accepted, content, envelope("b@x"), mark),
        transcript(
            "not after quit", opening("PIPELINING"), "> ahead b@x\n> send a@x\n", envelope("a@x", resets: false), mark, "> quit\n",
            accepted,
            content, mark, "S: 250 queued\n", "C: QUIT\n", mark, "E: result 250 dot; over\n"),
        transcript(
            "not with a streamed body", message: ClientTranscriptMessage(pieceSize: 2), opening("PIPELINING"), "> ahead b@x\n> send a@x\n",
            envelope("a@x", resets: false), mark, accepted, content, mark, queued),
        transcript(
            "not with CHUNKING", opening("PIPELINING", "CHUNKING"), "> ahead b@x\n> send a@x\n",
            "C: MAIL FROM:<from@a.test>\nC: RCPT TO:<a@x>\nC: BDAT 12 LAST\nC: S: x\nC: \nC: hi\n", mark,
            "S: 250 OK\nS: 250 OK\nS: 250 queued\n", "E: result 250 bdat\n"),
        transcript(
            "not with pipelining switched off", { $0.enablePipelining = false }, opening("PIPELINING"), "> ahead b@x\n> send a@x\n",
            "C: MAIL FROM:<from@a.test>\n", mark, "S: 250 OK\n", "C: RCPT TO:<a@x>\n", mark, "S: 250 OK\n", "C: DATA\n", mark,
            "S: 354 go\n",
            content, mark, queued),
        transcript(
            "not over LMTP", { $0.useLMTP = true }, "S: 220 hi\n", "C: LHLO me.test\n", mark, "S: 250-x\nS: 250 PIPELINING\n", "E: ready\n",
            "> ahead b@x\n> send a@x\n", envelope("a@x", resets: false), mark, accepted, content, mark, queued),
    ]
}
