@testable import SMTP

/// Dialogues with servers whose lines do not end with CRLF. `L:` lines end with LF alone.
enum ClientDoubtTranscripts {
    static let opening = "L: 220 hi\nC: EHLO me.test\nL: 250-x\nL: 250-PIPELINING\nL: 250 SIZE\nE: ready\n"
    static let content = "C: S: x\nC: \nC: hi\nC: .\n"
    static let mail = "C: MAIL FROM:<from@a.test> SIZE=12\n"
    /// Greeted with CRLF, so that commands go out together.
    static let pipelined = "S: 220 hi\nC: EHLO me.test\nS: 250-x\nS: 250 PIPELINING\nE: ready\n"
    static let batch = "C: MAIL FROM:<from@a.test>\nC: RCPT TO:<a@x>\nC: DATA\n"

    static let all: [ClientTranscript] = [
        ClientTranscript(
            "bare LF everywhere: one command at a time",
            opening + "> send a@x b@x\n" + mail + """
                L: 250
                C: RCPT TO:<a@x>
                L: 250 OK\t
                C: RCPT TO:<b@x>
                L: 550-5.1.1 no
                L: 550 5.1.1 such user
                C: DATA
                L: 354

                """ + content + """
                    L: 250 queued
                    E: result 250 dot, 550 rcpt
                    > send c@x
                    C: RSET
                    L: 250

                    """ + mail + """
                    L: 250
                    C: RCPT TO:<c@x>
                    L: 250
                    C: DATA
                    S: 354 mixed

                    """ + content + """
                    L: 250
                    E: result 250 dot
                    > quit
                    C: QUIT
                    L: 221 bye
                    E: closed quit - idle
                    """),
        ClientTranscript(
            "the first bare LF is in a batch; the next message goes step by step",
            pipelined + "> send a@x\n" + batch + "S: 250 OK\nL: 250 OK\nS: 354 go\n" + content + """
                S: 250 queued
                E: result 250 dot
                > send b@x
                C: RSET
                S: 250
                C: MAIL FROM:<from@a.test>
                """),
        ClientTranscript("HELO of a server with bare LF", "L: 220 old\nC: EHLO me.test\nL: 500\nC: HELO me.test\nL: 250\nE: ready\n"),
        ClientTranscript("refused with bare LF", "L: 554-no\nL: 554 service\nC: QUIT\nE: closed refused banner"),
        ClientTranscript(
            "421 with bare LF", opening + "> send a@x\n" + mail + "L: 421\nE: result 421 mail; over\nE: closed serviceClosing mail"),
        ClientTranscript(
            "LMTP with bare LF", { $0.useLMTP = true },
            """
            L: 220 hi
            C: LHLO me.test
            L: 250 x
            E: ready
            > send a@x b@x
            C: MAIL FROM:<from@a.test>
            L: 250
            C: RCPT TO:<a@x>
            L: 250
            C: RCPT TO:<b@x>
            L: 250
            C: DATA
            L: 354

            """ + content + """
                L: 250 a
                L: 452 4.2.2 full
                E: result 250 dot, 452 dot
                """),
    ]
}
