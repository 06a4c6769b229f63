import Message
import Testing

@Suite struct ContentHeadTests {
    /// *Value*: content, and how it begins.
    struct Case: Sendable {
        var content: String
        var seam: ContentHead.Seam
        var head: String

        init(_ content: String, _ seam: ContentHead.Seam, _ head: String) {
            (self.content, self.seam, self.head) = (content, seam, head)
        }
    }

    static let cases: [Case] = [
        Case("", .none, ""),
        Case("A: b\r\n\r\nbody\r\n", .none, "A: b\r\n\r\n"),
        Case("A: b\r\n c\r\n\r\nbody\r\n", .none, "A: b\r\n c\r\n\r\n"),
        Case("A : b\r\n\r\n", .none, "A : b\r\n\r\n"),
        Case("A: b\n\nbody\n", .none, "A: b\n\n"),
        Case("\r\nbody\r\n", .none, "\r\n"),
        Case("\nbody\n", .none, "\n"),
        Case("\r\n\r\nbody\r\n", .none, "\r\n"),
        Case("A: b\r\nC: d\r\n", .none, "A: b\r\nC: d\r\n"),
        Case("A: b", .none, "A: b"),
        Case("A: b\r\nhello\r\nB: c\r\n", .none, "A: b\r\n"),
        Case("A: b\r\n c\r\nhello you: x\r\n", .none, "A: b\r\n c\r\n"),
        Case("A: b\r\nno colon\r\nC: d\r\n\r\nbody", .none, "A: b\r\nno colon\r\nC: d\r\n\r\n"),
        Case(" folded: x\r\nA: b\r\n\r\nbody\r\n", .emptyLine, ""),
        Case("\tfolded: x\r\n", .emptyLine, ""),
        Case(" \r\n\r\nbody", .emptyLine, ""),
        Case(" ", .emptyLine, ""),
        Case("\t", .emptyLine, ""),
        Case("hello\r\n", .emptyLine, ""),
        Case("hello", .emptyLine, ""),
        Case("hello world\r\n\r\nSubject: x\r\n", .emptyLine, ""),
        Case("hello world: x\r\n", .emptyLine, ""),
        Case(": x\r\n", .emptyLine, ""),
        Case(".\r\n", .emptyLine, ""),
        Case("Übung: x\r\n", .emptyLine, ""),
        Case("\r", .emptyLine, ""),
        Case("\rA: b\r\n", .emptyLine, ""),
        Case("\0A: b\r\n", .emptyLine, ""),
        Case("Subject hello\r\nTo: x\r\n\r\nbody", .emptyLine, ""),
        Case("From a@b Thu Jan  1 00:00:00 2026\r\nA: b\r\n\r\nx", .mailboxLine, "From a@b Thu Jan  1 00:00:00 2026\r\nA: b\r\n\r\n"),
        Case(">From a@b\r\nA: b\r\n", .mailboxLine, ">From a@b\r\nA: b\r\n"),
        Case("From a@b\r\n\r\nbody", .mailboxLine, "From a@b\r\n\r\n"),
        Case("From now on we\r\nwrite letters\r\n", .emptyLine, ""),
        Case("From here", .emptyLine, ""),
        Case("From " + String(repeating: "x", count: 990) + "\r\nA: b\r\n", .emptyLine, ""),
        Case("From : a@b\r\n\r\n", .none, "From : a@b\r\n\r\n"),
        Case("from a@b\r\nA: b\r\n", .emptyLine, ""),
    ]

    @Test(arguments: cases)
    func heads(_ test: Case) {
        let head = withGuarded(test.content) { ContentHead($0) }
        #expect(head.seam == test.seam, "\(test.content.debugDescription)")
        #expect(head.length == test.head.utf8.count, "\(test.content.debugDescription)")
        #expect(head.isComplete)
    }

    /// Whatever the content, a field on top keeps its value, and the content is at the end as it was.
    @Test(arguments: cases)
    func aFieldOnTopIsIntact(_ test: Case) {
        let head = withGuarded(test.content) { ContentHead($0) }
        var message = Array("X-Top: 1\r\n".utf8)
        head.seam.text.withUTF8Buffer { message += $0 }
        message += Array(test.content.utf8)
        let fields = message.withUnsafeBytes { HeaderBlock.allFields(in: $0) }
        #expect(fields.first?.name == "X-Top" && fields.first?.value == "1")
        if test.seam == .emptyLine { #expect(fields.count == 1) }
    }

    /// The first part of content is enough once the header section ends in it.
    @Test(arguments: cases)
    func partsAgree(_ test: Case) {
        let bytes = Array(test.content.utf8)
        let whole = bytes.withUnsafeBytes { ContentHead($0) }
        for count in bytes.indices {
            let part = Array(bytes[..<count]).withUnsafeBytes { ContentHead($0, isWhole: false) }
            // A section that was cut at a stray line before its empty line came is the exception; the stray line is content for both.
            guard part.isComplete, count > 0, part.seam == whole.seam, part.length >= whole.length else { continue }
            #expect(part.length == whole.length, "\(test.content.debugDescription) cut at \(count)")
        }
        let open = Array("A: b\r\nC: d\r\n".utf8).withUnsafeBytes { ContentHead($0, isWhole: false) }
        #expect(!open.isComplete)
    }

    @Test(
        arguments: [
            ("", 0), ("Received: a\r\n\r\n", 1), ("received: a\r\nRECEIVED:b\r\nReCeIvEd: c\r\n\r\n", 3), ("Received \t: a\r\n", 1),
            ("Received\r\n : a\r\n", 1), ("Received:\r\n from a\r\n\tby b\r\nReceived: c", 2), ("Received-SPF: pass\r\n", 0),
            ("X-Received: a\r\n", 0), ("A: b\r\n Received: c\r\n", 0), ("Received\r\n", 0), ("Received", 0), ("Received\r\n: a\r\n", 0),
            ("Received: a\nReceived: b\n", 2), ("Receive: a\r\nReceivedd: b\r\n", 0),
        ] as [(String, Int)])
    func receivedFields(section: String, count: Int) {
        #expect(withGuarded(section) { HeaderBlock.count(of: "received", in: $0) } == count, "\(section.debugDescription)")
    }

    @Test(
        arguments: [
            ("A: b\r\n\r\nBcc: x\r\n", nil), ("Bcc: x\r\n\r\nbody", "\r\nbody"),
            ("A: b\r\nBCC : x,\r\n y,\r\n\tz\r\nC: d\r\n\r\n", "A: b\r\nC: d\r\n\r\n"),
            ("bcc: x\r\nresent-BCC: y\r\nBcc: z\r\nA: b\r\n", "A: b\r\n"), ("A: b\r\nBcc\r\n : x\r\n\r\nbody", "A: b\r\n\r\nbody"),
            ("X-Bcc: a\r\nBcc2: b\r\n\r\n", nil), ("hello\r\nBcc: x\r\n\r\n", nil), ("A: b\r\n Bcc: x\r\n\r\n", nil),
            ("A: b\r\nBcc: x", "A: b\r\n"),
            ("From a@b\r\nBcc: x\r\nA: b\r\n\r\nx", "From a@b\r\nA: b\r\n\r\nx"), ("Bcc:\r\n\r\n", "\r\n"), ("", nil),
            ("A: b\r\njunk\r\nBcc: x\r\n\r\nbody", "A: b\r\njunk\r\n\r\nbody"),
        ] as [(String, String?)])
    func blindCopiesAreRemoved(content: String, expected: String?) {
        let result = HeaderBlock.removing(["bcc", "resent-bcc"], from: Array(content.utf8))
        #expect(result.map { String(decoding: $0, as: UTF8.self) } == expected, "\(content.debugDescription)")
    }
}
