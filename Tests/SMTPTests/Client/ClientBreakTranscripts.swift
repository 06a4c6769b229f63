@testable import SMTP

/// Sessions that break between messages: whose fault it was not is told as `between`.
enum ClientBreakTranscripts {
    /// One message was delivered step by step, and another waits for the answer to RSET.
    static let resetting =
        ClientTranscripts.opening() + """
            > send a@x
            C: MAIL FROM:<from@a.test>
            S: 550 no
            E: result 550 mail
            > send b@x
            C: RSET

            """
    static let mailing = resetting + "S: 250 OK\nC: MAIL FROM:<from@a.test>\n"

    static func ends(_ name: String, _ start: String, _ text: String) -> ClientTranscript {
        ClientTranscript("break: " + name, start + text)
    }

    static let all: [ClientTranscript] = [
        ends("EOF at RSET", resetting, "> disconnect\nE: result 400 rset transport; over between\nE: closed disconnected rset"),
        ends("no answer to RSET", resetting, "> wait 6\nE: result 400 rset transport; over between\nE: closed timedOut rset"),
        ends("garbage at RSET", resetting, "S: what?\nE: result 400 rset transport; over between\nE: closed protocolError rset"),
        ends("421 to RSET", resetting, "S: 421 4.4.2 idle\nE: result 421 rset; over between\nE: closed serviceClosing rset"),
        ends("EOF at MAIL", mailing, "> disconnect\nE: result 400 mail transport; over between\nE: closed disconnected mail"),
        ends("no answer to MAIL", mailing, "> wait 301\nE: result 400 mail transport; over between\nE: closed timedOut mail"),
        ends("421 to MAIL", mailing, "S: 421 too many messages\nE: result 421 mail; over between\nE: closed serviceClosing mail"),
        ends("354 to MAIL", mailing, "S: 354 what?\nE: result 400 mail transport; over between\nE: closed protocolError mail"),
        ends("451 to MAIL is an answer", mailing, "S: 451 later\nE: result 451 mail"),
        ends(
            "421 to RCPT is an answer", mailing,
            "S: 250 OK\nC: RCPT TO:<b@x>\nS: 421 no\nE: result 421 rcpt; over\nE: closed serviceClosing rcpt"),
        ends(
            "RSET refused, then EOF", resetting,
            "S: 502 what?\nC: MAIL FROM:<from@a.test>\n> disconnect\nE: result 400 mail transport; over between\n"
                + "E: closed disconnected mail"
        ),
        ends(
            "RSET deferred and MAIL refused", resetting,
            """
            S: 451 no
            C: MAIL FROM:<from@a.test>
            S: 503 no
            E: result 400 mail transport; over between
            E: closed protocolError mail
            """),
        ends(
            "EOF at the first MAIL is the message's", ClientTranscripts.opening(),
            "> send a@x\nC: MAIL FROM:<from@a.test>\n> disconnect\nE: result 400 mail transport; over\nE: closed disconnected mail"),
        ends(
            "421 to the first MAIL is the message's", ClientTranscripts.opening(),
            "> send a@x\nC: MAIL FROM:<from@a.test>\nS: 421 later\nE: result 421 mail; over\nE: closed serviceClosing mail"),
        ends(
            "the first is refused here: the second is the first", ClientTranscripts.opening("SIZE 5"),
            "> send a@x\nE: result 552 mail local\n> disconnect\nE: closed disconnected - idle"),
        ClientTranscript(
            "break: BDAT behind an unanswered RSET",
            ClientTranscripts.opening("PIPELINING", "CHUNKING") + """
                > send a@x
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                S: 250 OK
                S: 250 OK
                S: 250 queued
                E: result 250 bdat
                > send a@x
                C: RSET
                C: MAIL FROM:<from@a.test>
                C: RCPT TO:<a@x>
                C: BDAT 12 LAST
                C: S: x
                C:\u{20}
                C: hi
                > disconnect
                E: result 400 rset ambiguous; over between
                E: closed disconnected rset
                """),
        ClientTranscript(
            "break: EHLO refused, and the server hangs up at HELO",
            "S: 220 hi\nC: EHLO me.test\nS: 554 5.7.1 blocked\nC: HELO me.test\n> disconnect\nE: closed disconnected ehlo"),
        ClientTranscript(
            "break: EHLO refused, HELO out of place",
            "S: 220 hi\nC: EHLO me.test\nS: 550 5.7.1 blocked\nC: HELO me.test\nS: 503 no\nC: QUIT\nE: closed refused ehlo"),
        ClientTranscript(
            "break: EHLO unknown, HELO refused",
            "S: 220 hi\nC: EHLO me.test\nS: 500 what?\nC: HELO me.test\nS: 554 5.7.1 blocked\nC: QUIT\nE: closed refused helo"),
        ClientTranscript("break: 354 as a greeting", "S: 354 go\nE: closed protocolError banner"),
        ClientTranscript("break: 354 to EHLO", "S: 220 hi\nC: EHLO me.test\nS: 354 go\nE: closed protocolError ehlo"),
    ]
}
