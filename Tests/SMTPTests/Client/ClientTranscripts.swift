@testable import SMTP

/// The dialogues of the client: whatever a server may do, at every stage.
enum ClientTranscripts {
    /// Greeting and EHLO with the given extra keywords, and the events so far.
    static func opening(_ keywords: String...) -> String {
        let lines = ["me.test hello"] + keywords
        let reply = lines.enumerated().map { "S: 250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)" }
        return "S: 220 hi\nC: EHLO me.test\n" + reply.joined(separator: "\n") + "\nE: ready\n"
    }

    static let all: [ClientTranscript] =
        plain + pipelined + chunked + lmtp + ends + local + ClientLookAheadTranscripts.all
        + ClientDoubtTranscripts.all + ClientBreakTranscripts.all

    static let plain: [ClientTranscript] = [
        ClientTranscript(
            "step by step",
            opening() + """
                > send a@x b@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 250 OK
                C: RCPT TO:<b@x>
                S: 250 OK
                C: DATA
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 250 2.0.0 queued
                E: result 250 dot, 250 dot
                > send c@x
                C: RSET
                S: 250 OK
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<c@x>
                S: 550 5.1.1 no such user
                E: result 550 rcpt
                > quit
                C: QUIT
                S: 221 bye
                E: closed quit - idle
                """),
        ClientTranscript(
            "no RSET when disabled, but after a broken transaction", { $0.enableRSET = false },
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 250 OK
                C: DATA
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 250 queued
                E: result 250 dot
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 450 later
                E: result 450 rcpt
                > send a@x
                C: RSET
                S: 250 OK
                C: MAIL FROM:<from@a.test>
                S: 451 busy
                E: result 451 mail
                > send a@x
                C: MAIL FROM:<from@a.test>
                """),
        ClientTranscript(
            "HELO fallback",
            """
            S: 220 old
            C: EHLO me.test
            S: 502 what?
            C: HELO me.test
            S: 250 fine
            E: ready
            > send a@x
            C: MAIL FROM:<from@a.test>
            """),
        ClientTranscript(
            "HELO refused too",
            """
            S: 220 old
            C: EHLO me.test
            S: 502 what?
            C: HELO me.test
            S: 550 go away
            C: QUIT
            E: closed refused helo
            """),
        ClientTranscript(
            "EHLO deferred",
            """
            S: 220 old
            C: EHLO me.test
            S: 450 not now
            C: QUIT
            E: closed refused ehlo
            """),
        ClientTranscript("greeting refused", "S: 554-no\nS: 554 service\nC: QUIT\nE: closed refused banner"),
        ClientTranscript("greeting 421", "S: 421 busy\nE: closed serviceClosing banner"),
        ClientTranscript(
            "MAIL refused",
            opening() + """
                > send a@x b@x
                C: MAIL FROM:<from@a.test>
                S: 550 no
                E: result 550 mail, 550 mail
                """),
        ClientTranscript(
            "DATA refused, one recipient refused before",
            opening() + """
                > send a@x b@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 450 4.2.1 later
                C: RCPT TO:<b@x>
                S: 250 OK
                C: DATA
                S: 554 no
                E: result 450 rcpt, 554 data
                """),
        ClientTranscript(
            "dot refused",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 250 OK
                C: DATA
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 550 5.7.1 spam
                E: result 550 dot
                """),
        ClientTranscript(
            "250 to DATA is nonsense",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 250 OK
                C: DATA
                S: 250 thanks
                E: result 400 data transport; over
                E: closed protocolError data
                """),
        ClientTranscript(
            "354 to MAIL is nonsense",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 354 go
                E: result 400 mail transport; over
                E: closed protocolError mail
                """),
        ClientTranscript(
            "RSET refused alone does no harm",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 550 no
                E: result 550 mail
                > send a@x
                C: RSET
                S: 502 what?
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 550 no
                E: result 550 rcpt
                """),
        ClientTranscript(
            "RSET and MAIL refused: the session is broken, not the message",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 550 no
                E: result 550 mail
                > send a@x
                C: RSET
                S: 502 what?
                C: MAIL FROM:<from@a.test>
                S: 503 nested MAIL
                E: result 400 mail transport; over between
                E: closed protocolError mail
                """),
    ]

    static let envelope = """
        C: MAIL FROM:<from@a.test> SIZE=12
        C: RCPT TO:<a@x>
        C: RCPT TO:<b@x>
        C: DATA

        """

    static let pipelined: [ClientTranscript] = [
        ClientTranscript(
            "one write, replies together",
            opening("PIPELINING", "SIZE 1000") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 250 OK
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 250 queued
                E: result 250 dot, 250 dot
                > send c@x
                C: RSET
                C: MAIL FROM:<from@a.test> SIZE=12
                C: RCPT TO:<c@x>
                C: DATA
                S: 250 OK
                S: 250 OK
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 451 4.3.0 later
                E: result 451 dot
                """),
        ClientTranscript(
            "pipelining switched off", { $0.enablePipelining = false },
            opening("PIPELINING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                """),
        ClientTranscript(
            "some recipients refused",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 550-5.1.1 no
                S: 550 5.1.1 such user
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 250 queued
                E: result 550 rcpt, 250 dot
                """),
        ClientTranscript(
            "all refused, DATA refused",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 450 no
                S: 550 no
                S: 503 no recipients
                E: result 450 rcpt, 550 rcpt
                """),
        ClientTranscript(
            "all refused, DATA accepted: only a dot",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 450 no
                S: 550 no
                S: 354 go
                C: .
                S: 250 an empty message for nobody
                E: result 450 rcpt, 550 rcpt
                > send a@x
                C: RSET
                C: MAIL FROM:<from@a.test> SIZE=12
                C: RCPT TO:<a@x>
                C: DATA
                """),
        ClientTranscript(
            "MAIL refused",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 550 no
                S: 503 MAIL first
                S: 503 MAIL first
                S: 503 MAIL first
                E: result 550 mail, 550 mail
                """),
        ClientTranscript(
            "MAIL refused but the rest accepted",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 450 no
                S: 250 OK
                S: 250 OK
                S: 354 go
                C: .
                S: 250 OK
                E: result 450 mail, 450 mail
                """),
        ClientTranscript(
            "421 to the second recipient",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 250 OK
                S: 421 4.3.2 leaving
                E: result 421 rcpt, 421 rcpt; over
                E: closed serviceClosing rcpt
                """),
        ClientTranscript(
            "421 after a refusal: the refusal stands",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 550 5.1.1 no
                S: 421 4.3.2 leaving
                E: result 550 rcpt, 421 rcpt; over
                E: closed serviceClosing rcpt
                """),
        ClientTranscript(
            "421 to the dot is an answer",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 250 OK
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 421 4.3.2 leaving
                E: result 421 dot, 421 dot; over
                E: closed serviceClosing dot
                """),
        ClientTranscript(
            "disconnected after the dot",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 550 no
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                > disconnect
                E: result 550 rcpt, 400 dot ambiguous; over
                E: closed disconnected dot
                """),
        ClientTranscript(
            "disconnected before the content",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 250 OK
                > disconnect
                E: result 400 rcpt transport, 400 rcpt transport; over
                E: closed disconnected rcpt
                """),
        ClientTranscript(
            "garbage",
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: hello there
                E: result 400 rcpt transport, 400 rcpt transport; over
                E: closed protocolError rcpt
                """),
        ClientTranscript(
            "RSET refused and MAIL refused, pipelined",
            opening("PIPELINING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: DATA
                S: 550 no
                S: 503 no
                S: 503 no
                E: result 550 mail
                > send a@x
                C: RSET
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: DATA
                S: 500 what?
                S: 503 no
                E: result 400 mail transport; over between
                E: closed protocolError mail
                """),
    ]

    static let chunked: [ClientTranscript] = [
        ClientTranscript(
            "BDAT in one round trip",
            opening("PIPELINING", "CHUNKING") + """
                > send a@x b@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: RCPT TO:<b@x>
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                S: 250 OK
                S: 250 OK
                S: 550 no
                S: 250 queued
                E: result 250 bdat, 550 rcpt
                > send a@x
                C: RSET
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                S: 250 OK
                S: 250 OK
                S: 250 OK
                S: 451 4.3.0 no
                E: result 451 bdat
                """),
        ClientTranscript(
            "BDAT, nobody accepted",
            opening("PIPELINING", "CHUNKING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                S: 250 OK
                S: 550 no
                S: 503 no recipients
                E: result 550 rcpt
                """),
        ClientTranscript(
            "BDAT, disconnected at MAIL: all was sent",
            opening("PIPELINING", "CHUNKING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                > disconnect
                E: result 400 mail ambiguous; over
                E: closed disconnected mail
                """),
        ClientTranscript(
            "BDAT, MAIL refused, then disconnected",
            opening("PIPELINING", "CHUNKING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                S: 450 no
                > disconnect
                E: result 450 mail; over
                E: closed disconnected rcpt
                """),
        ClientTranscript(
            "BDAT step by step",
            opening("CHUNKING") + """
                > send a@x b@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 250 OK
                C: RCPT TO:<b@x>
                S: 550 no
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                S: 250 OK
                E: result 250 bdat, 550 rcpt
                """),
        ClientTranscript(
            "BDAT step by step, nobody accepted",
            opening("CHUNKING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 550 no
                E: result 550 rcpt
                > send a@x
                C: RSET
                """),
        ClientTranscript(
            "a streamed body waits for the recipients", message: ClientTranscriptMessage(pieceSize: 1),
            opening("PIPELINING", "CHUNKING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                S: 250 OK
                S: 250 OK
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                S: 250 OK
                E: result 250 bdat
                """),
        ClientTranscript(
            "CHUNKING switched off", { $0.enableChunking = false },
            opening("PIPELINING", "CHUNKING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: DATA
                """),
    ]

    static let lmtpOpening = """
        S: 220 hi
        C: LHLO me.test
        S: 250-x
        S: 250-CHUNKING
        S: 250 PIPELINING
        E: ready
        > send a@x b@x c@x
        C: MAIL FROM:<from@a.test>
        C: RCPT TO:<a@x>
        C: RCPT TO:<b@x>
        C: RCPT TO:<c@x>
        C: DATA

        """

    static let lmtp: [ClientTranscript] = [
        ClientTranscript(
            "LMTP: a reply for each accepted recipient", { $0.useLMTP = true },
            lmtpOpening + """
                S: 250 OK
                S: 250 OK
                S: 550 no
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 250 a
                S: 452 4.2.2 full
                E: result 250 dot, 550 rcpt, 452 dot
                """),
        ClientTranscript(
            "LMTP: disconnected between the replies", { $0.useLMTP = true },
            lmtpOpening + """
                S: 250 OK
                S: 250 OK
                S: 550 no
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 250 a
                > disconnect
                E: result 250 dot, 550 rcpt, 400 dot ambiguous; over
                E: closed disconnected dot
                """),
        ClientTranscript(
            "LMTP: 421 between the replies", { $0.useLMTP = true },
            lmtpOpening + """
                S: 250 OK
                S: 250 OK
                S: 250 OK
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                S: 550 a
                S: 421 leaving
                E: result 550 dot, 421 dot, 421 dot; over
                E: closed serviceClosing dot
                """),
        ClientTranscript(
            "LMTP: 354 for nobody", { $0.useLMTP = true },
            lmtpOpening + """
                S: 250 OK
                S: 450 no
                S: 550 no
                S: 550 no
                S: 354 go
                E: result 450 rcpt, 550 rcpt, 550 rcpt; over
                E: closed protocolError data
                """),
        ClientTranscript(
            "LMTP has no HELO", { $0.useLMTP = true },
            """
            S: 220 hi
            C: LHLO me.test
            S: 500 what?
            C: QUIT
            E: closed refused lhlo
            """),
    ]

    static let ends: [ClientTranscript] = [
        ClientTranscript("banner timeout", "> wait 59\n> wait 2\nE: closed timedOut banner"),
        ClientTranscript("EHLO timeout", "S: 220 hi\nC: EHLO me.test\n> wait 299\n> wait 2\nE: closed timedOut ehlo"),
        ClientTranscript(
            "a slow line does not move the deadline",
            "S: 220 hi\nC: EHLO me.test\n> wait 299\nS: 250-more\n> wait 2\nE: closed timedOut ehlo"),
        ClientTranscript(
            "RSET has its own short deadline", { $0.timeouts.mail = .seconds(20) },
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                > wait 19
                S: 550 no
                E: result 550 mail
                > wait 1000
                > send a@x
                C: RSET
                > wait 6
                E: result 400 rset transport; over between
                E: closed timedOut rset
                """),
        ClientTranscript(
            "dot timeout", { $0.timeouts.dataDot = .seconds(30) },
            opening("PIPELINING", "SIZE") + "> send a@x b@x\n" + envelope + """
                S: 250 OK
                S: 250 OK
                S: 250 OK
                S: 354 go
                C: S: x
                C:\u{20}
                C: hi
                C: .
                > wait 29
                > wait 2
                E: result 400 dot ambiguous, 400 dot ambiguous; over
                E: closed timedOut dot
                """),
        ClientTranscript("idle has no deadline", opening() + "> wait 100000\n> quit\nC: QUIT\n> wait 4\n> wait 2\nE: closed quit - idle"),
        ClientTranscript(
            "quit never waits more than 5 s", { $0.timeouts.quit = .seconds(60) },
            opening() + "> quit\nC: QUIT\n> wait 6\nE: closed quit - idle"),
        ClientTranscript("server closes after QUIT", opening() + "> quit\nC: QUIT\n> disconnect\nE: closed quit - idle"),
        ClientTranscript("421 while idle", opening() + "S: 421 4.4.2 idle too long\nE: closed serviceClosing - idle"),
        ClientTranscript("closed while idle", opening() + "> disconnect\nE: closed disconnected - idle"),
        ClientTranscript("a reply nobody asked for", opening() + "S: 250 hello\nE: closed protocolError - idle"),
        ClientTranscript("quit before the session is open", "> quit\nE: closed quit banner"),
        ClientTranscript(
            "quit in a transaction waits for it",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                > quit
                S: 550 no
                C: QUIT
                E: result 550 mail; over
                S: 221 bye
                E: closed quit - idle
                """),
        ClientTranscript(
            "abort in a transaction",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                > abort
                E: result 400 mail transport; over
                E: closed aborted mail
                """),
        ClientTranscript("abort while idle", opening() + "> abort\nE: closed aborted - idle"),
        ClientTranscript(
            "sent before the session is open",
            """
            > send a@x
            S: 220 hi
            C: EHLO me.test
            S: 250 x
            C: MAIL FROM:<from@a.test>
            E: ready
            """),
        ClientTranscript(
            "a waiting transaction was never begun",
            """
            > send a@x
            S: 554 no
            C: QUIT
            E: closed refused banner unfinished
            """),
        ClientTranscript(
            "one waits for the other",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                > send b@x
                S: 550 no
                C: RSET
                E: result 550 mail
                S: 250 OK
                C: MAIL FROM:<from@a.test>
                > disconnect
                E: result 400 mail transport; over between
                E: closed disconnected mail
                """),
        ClientTranscript(
            "one waits while the other loses the connection",
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                > send b@x
                > disconnect
                E: result 400 mail transport; over
                E: closed disconnected mail unfinished
                > send c@x
                """),
        ClientTranscript("disconnected at the greeting", "> disconnect\nE: closed disconnected banner"),
        ClientTranscript("disconnected at EHLO", "S: 220 hi\nC: EHLO me.test\n> disconnect\nE: closed disconnected ehlo"),
    ]

    static let local: [ClientTranscript] = [
        ClientTranscript(
            "too big for SIZE",
            opening("SIZE 11") + """
                > send a@x b@x
                E: result 552 mail local, 552 mail local
                > send a@x
                E: result 552 mail local
                > quit
                C: QUIT
                S: 221 bye
                E: closed quit - idle
                """),
        ClientTranscript(
            "8-bit without 8BITMIME", message: ClientTranscriptMessage(needs8Bit: true), opening() + "> send a@x\nE: result 554 mail local"),
        ClientTranscript(
            "8-bit, check ignored", { $0.ignore8BitChecks = true }, message: ClientTranscriptMessage(needs8Bit: true, needsUTF8: true),
            opening() + "> send a@x\nC: MAIL FROM:<from@a.test>"),
        ClientTranscript(
            "8-bit with 8BITMIME", message: ClientTranscriptMessage(needs8Bit: true, needsUTF8: true),
            opening("8bitmime", "SMTPUTF8") + "> send a@x\nC: MAIL FROM:<from@a.test> BODY=8BITMIME SMTPUTF8"),
        ClientTranscript(
            "UTF-8 without SMTPUTF8", message: ClientTranscriptMessage(needsUTF8: true),
            opening("8BITMIME") + "> send a@x\nE: result 550 mail local"),
        ClientTranscript(
            "UTF-8 in 8-bit content with neither extension", message: ClientTranscriptMessage(needs8Bit: true, needsUTF8: true),
            opening() + "> send a@x\nE: result 550 mail local"),
        ClientTranscript(
            "an address that would be two commands",
            opening() + """
                > send a@x b\r\nRCPT@x
                E: result 451 mail local, 553 rcpt local
                > send a@x
                C: MAIL FROM:<from@a.test>
                """),
        ClientTranscript(
            "dots are doubled, the last line is ended", message: ClientTranscriptMessage(content: "S: x\r\n\r\n.a\r\n..\r\nend"),
            opening() + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                S: 250 OK
                C: RCPT TO:<a@x>
                S: 250 OK
                C: DATA
                S: 354 go
                C: S: x
                C:\u{20}
                C: ..a
                C: ...
                C: end
                C: .
                """),
    ]
}
