import Message
import Testing

@Suite struct BuilderHeaderTests {
    @Test func wholeMessage() throws {
        let message = String(decoding: try plainBuilder().build(), as: UTF8.self)
        let expected = """
            Date: Tue, 21 Nov 2023 19:04:05 +0000
            Message-ID: <id@example.com>
            From: from@example.com
            To: to@example.org
            Subject: Hello
            MIME-Version: 1.0
            Content-Type: text/plain; charset="utf-8"
            Content-Transfer-Encoding: 7bit

            Hi

            """
        #expect(
            message.utf8.elementsEqual(expected.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n").utf8))
    }

    static let long = String(repeating: "word ", count: 60) + "end"
    static let subjects: [String] = [
        "Hello", "", " ", "a", "Grüße", "Grüße aus Köln", "plain ü plain", "  spaces  inside  ü  x  ", "日本語の件名です", "😀",
        String(repeating: "ü", count: 500),
        String(repeating: "日本", count: 300), String(repeating: "👨‍👩‍👧 ", count: 60), long, long + " ü " + long,
        String(repeating: "x", count: 75),
        String(repeating: "x", count: 900), String(repeating: "x", count: 3000), "a" + String(repeating: " ", count: 2000) + "b", "a\tb",
        "a \t é \t b",
        "=?utf-8?q?pre=C3=BC?=", "=?utf-8?q?pre?= ü", "=?broken ü", "?=ü=?", "é", "e\u{301}", "100% = \"quoted\" <angle> _under_ ü",
        "\u{FEFF}x", "a\u{85}b",
        "=?utf-8?q?fake?=", "Re: =?UTF-8?B?ZmFrZQ==?= =?utf-8?Q?again?=", "x=?utf-8?q?inside?=y", "=?utf-8?q?with blanks in it?=",
        "=?utf-8?q??=",
        "=?iso-8859-1*en?q?lang?=", "why does a=?b fail", "=?utf-8?q?" + String(repeating: "long ", count: 40) + "?=",
        String(repeating: "=?utf-8?q?fake?= ", count: 30), "=?utf-8?q?fake?=\t=?utf-8?q?fake?=", "=?=?=?=?utf-8?q?a?=",
    ]

    @Test(arguments: subjects)
    func subjectsSurvive(subject: String) throws {
        let message = try plainBuilder(subject: subject).build()
        let lines = checkLines(message)
        let part = MIMEReader.read(message)
        func trimmed(_ text: String) -> String {
            String(String(text.drop { $0 == " " || $0 == "\t" }.reversed()).drop { $0 == " " || $0 == "\t" }.reversed())
        }
        #expect(trimmed(MIMEReader.decoded(part.header("Subject") ?? "?")).utf8.elementsEqual(trimmed(subject).utf8))
        // Where a fold is possible, lines stay within 78; only an unbreakable ASCII word may be longer.
        let longestWord = subject.split { $0 == " " || $0 == "\t" }.map(\.utf8.count).max() ?? 0
        if (longestWord < 70 && !subject.contains("=?")) || !subject.utf8.allSatisfy({ $0 < 0x80 }) {
            #expect(lines.allSatisfy { $0.utf8.count <= 78 })
        }
    }

    static let names: [(String, String)] = [
        ("Joe", "Joe <a@b.c>"),
        ("Joe Q Public", "Joe Q Public <a@b.c>"),
        ("Public, Joe", "\"Public, Joe\" <a@b.c>"),
        ("J. R. \"Bob\" Dobbs", "\"J. R. \\\"Bob\\\" Dobbs\" <a@b.c>"),
        ("back\\slash", "\"back\\\\slash\" <a@b.c>"),
        ("evil <x@y.z>, other", "\"evil <x@y.z>, other\" <a@b.c>"),
        ("two  spaces", "\"two  spaces\" <a@b.c>"),
        ("", "a@b.c"),
        ("  ", "a@b.c"),
        (" trimmed ", "trimmed <a@b.c>"),
        ("Jürgen", "=?utf-8?q?J=C3=BCrgen?= <a@b.c>"),
        ("Jürgen Dr. X", "=?utf-8?q?J=C3=BCrgen_Dr=2E_X?= <a@b.c>"),
        ("山田", "=?utf-8?b?5bGx55Sw?= <a@b.c>"),
        ("=?utf-8?q?fake?=", "=?utf-8?b?PT91dGYtOD9xP2Zha2U/PQ==?= <a@b.c>"),
        ("Joe =?utf-8?b?YQ==?=", "=?utf-8?b?Sm9lID0/dXRmLTg/Yj9ZUT09Pz0=?= <a@b.c>"),
        ("a=?b", "=?utf-8?q?a=3D=3Fb?= <a@b.c>"),
    ]

    @Test(arguments: names)
    func displayNames(name: String, expected: String) throws {
        let message = try plainBuilder().with { $0.from = (name, EnvelopeAddress(localPart: "a", domain: "b.c")) }.build()
        #expect(MIMEReader.read(message).header("From") == expected)
    }

    @Test func listsFoldAndKeepEveryone() throws {
        let people: [MessageBuilder.Mailbox] = (0..<100).map {
            (
                $0 % 3 == 0 ? "Größe Nummer \($0)" : $0 % 3 == 1 ? "Last, First \($0)" : nil,
                EnvelopeAddress(localPart: "user\($0)", domain: "example.com")
            )
        }
        let message = try plainBuilder().with {
            $0.to = people
            $0.cc = people
            $0.replyTo = people[0]
        }.build()
        let lines = checkLines(message)
        #expect(lines.allSatisfy { $0.utf8.count <= 78 })
        let part = MIMEReader.read(message)
        for field in ["To", "Cc"] {
            let value = MIMEReader.decoded(part.header(field) ?? "")
            for number in 0..<100 { #expect(value.contains("user\(number)@example.com")) }
            #expect(value.contains("Größe Nummer 99 <user99@example.com>"))
            #expect(value.contains("\"Last, First 1\" <user1@example.com>, user2@example.com,"))
        }
        #expect(MIMEReader.decoded(part.header("Reply-To") ?? "") == "Größe Nummer 0 <user0@example.com>")
    }

    @Test func internationalAddresses() throws {
        let builder = plainBuilder().with {
            $0.from = ("Ü", EnvelopeAddress(localPart: "a", domain: "bücher.example"))
        }
        #expect(!builder.needsSMTPUTF8)
        #expect(MIMEReader.read(try builder.build()).header("From") == "=?utf-8?b?w5w=?= <a@xn--bcher-kva.example>")
        let utf8 = builder.with { $0.to = [(nil, EnvelopeAddress(localPart: "ü", domain: "bücher.example"))] }
        #expect(utf8.needsSMTPUTF8)
        let message = try utf8.build()
        checkLines(message, allows8Bit: true)
        #expect(MIMEReader.read(message).header("To") == "ü@bücher.example")
        #expect(plainBuilder().with { $0.headers = [("Cc", "ü@example.com")] }.needsSMTPUTF8)
        #expect(!plainBuilder().with { $0.headers = [("Cc", "Ü <u@example.com>"), ("X-Y", "ü@example.com")] }.needsSMTPUTF8)
    }

    @Test(arguments: [
        ("X-Campaign", "spring 2024", "spring 2024"),
        ("X-Note", "Grüße", "Grüße"),
        ("Sender", "Jürgen <j@example.com>", "Jürgen <j@example.com>"),
        (
            "Cc", "\"Jürgen, \\\"Dr\\\"\" <j@example.com>, plain@example.com, Élan <e@example.com>",
            "Jürgen, \"Dr\" <j@example.com>, plain@example.com, Élan <e@example.com>"
        ),
        (
            "List-Unsubscribe", "<https://example.com/u?\(String(repeating: "x", count: 300))>",
            "<https://example.com/u?\(String(repeating: "x", count: 300))>"
        ),
        ("Sender", "Group: a@b.c, d@e.f;", "Group: a@b.c, d@e.f;"),
        ("Cc", "Gruppe ü: Ä <a@b.c>, d@e.f;, g@h.i", "Gruppe ü : Ä <a@b.c>, d@e.f;, g@h.i"),
        ("Cc", "undisclosed-recipients:;", "undisclosed-recipients:;"),
        ("Cc", "Leer: ; , \"ü\" <a@[IPv6:2001:db8::1]>", "Leer:;, ü <a@[IPv6:2001:db8::1]>"),
        ("X-Text", "=?utf-8?q?fake?=", "=?utf-8?q?fake?="),
        ("Comments", "see =?utf-8?b?ZmFrZQ==?= there", "see =?utf-8?b?ZmFrZQ==?= there"),
        ("Cc", "=?utf-8?q?fake?= <a@b.c>, \"=?utf-8?q?two?=\" <d@e.f>", "=?utf-8?q?fake?= <a@b.c>, =?utf-8?q?two?= <d@e.f>"),
        ("Cc", "=?utf-8?q?fake?=: a@b.c;", "=?utf-8?q?fake?= : a@b.c;"),
    ])
    func customHeaders(name: String, value: String, expected: String) throws {
        let message = try plainBuilder().with { $0.headers = [(name, value)] }.build()
        checkLines(message)
        #expect(MIMEReader.decoded(MIMEReader.read(message).header(name) ?? "") == expected)
    }

    @Test func givenHeadersTakeThePlaceOfGeneratedOnes() throws {
        let message = try plainBuilder(subject: nil).with {
            $0.from = nil
            $0.to = []
            $0.headers = [
                ("Date", "today"), ("message-id", "<x@y>"), ("FROM", "me@example.com"), ("To", "you@example.com"), ("subject", "S"),
            ]
        }.build()
        let names = MIMEReader.read(message).headers.map { $0.name.lowercased() }
        #expect(names == ["date", "message-id", "from", "to", "subject", "mime-version", "content-type", "content-transfer-encoding"])
    }

    /// What only looks like an encoded word in a structured field is left alone: readers do not decode there, and programs read the value.
    @Test(arguments: ["List-Unsubscribe", "References", "Message-ID"])
    func structuredFieldsStayAsTheyAre(name: String) throws {
        let value = "<https://example.com/?a=?utf-8?q?fake?=>"
        let message = try plainBuilder().with { $0.headers = [(name, value)] }.build()
        #expect(MIMEReader.read(message).header(name) == value)
    }

    @Test(arguments: ["Bcc", "BCC", "bcc", "Resent-Bcc", "RESENT-bcc"])
    func blindCopiesAreLeftOut(name: String) throws {
        let message = try plainBuilder().with {
            $0.headers = [(name, "secret@example.com, Jürgen <x@y.z>"), ("X-A", "1"), ("X-Bcc", "kept")]
        }.build()
        let text = String(decoding: message, as: UTF8.self)
        #expect(!text.lowercased().contains("secret") && text.contains("X-A: 1") && text.contains("X-Bcc: kept"))
    }

    /// An address list may have no white space at all.
    @Test func aLongListIsFolded() throws {
        let list = (0..<200).map { "user\($0)@example.com" }.joined(separator: ",")
        let message = try plainBuilder().with { $0.headers = [("Cc", list)] }.build()
        checkLines(message)
        #expect(MIMEReader.read(message).header("Cc")?.replacing(" ", with: "") == list)
    }

    typealias Change = @Sendable (inout MessageBuilder) -> Void
    static let refused: [(String, MessageBuilderError.Code, Change)] = [
        ("CRLF in subject", .headerInjection, { $0.subject = "a\r\nBcc: x@y.z" }),
        ("LF in subject", .headerInjection, { $0.subject = "a\nBcc: x@y.z" }),
        ("CR in subject", .headerInjection, { $0.subject = "a\rb" }),
        ("NUL in subject", .headerInjection, { $0.subject = "a\0b" }),
        ("encoded subject with CRLF", .headerInjection, { $0.subject = "ü\r\nBcc: x@y.z" }),
        ("folded value", .headerInjection, { $0.headers = [("X-A", "a\r\n b")] }),
        ("LF in value", .headerInjection, { $0.headers = [("X-A", "a\nb")] }),
        ("LF in address value", .headerInjection, { $0.headers = [("Cc", "\"ü\nx\" <a@b.c>")] }),
        ("LF in name", .headerInjection, { $0.headers = [("X-A\nB", "a")] }),
        ("LF in display name", .headerInjection, { $0.from?.name = "a\nBcc: x" }),
        ("LF in encoded display name", .headerInjection, { $0.from?.name = "ü\nBcc: x" }),
        ("colon in name", .invalidHeaderName, { $0.headers = [("X:A", "a")] }),
        ("space in name", .invalidHeaderName, { $0.headers = [("X A", "a")] }),
        ("8-bit name", .invalidHeaderName, { $0.headers = [("Xü", "a")] }),
        ("empty name", .invalidHeaderName, { $0.headers = [("", "a")] }),
        ("long name", .invalidHeaderName, { $0.headers = [(String(repeating: "x", count: 257), "a")] }),
        ("reserved", .reservedHeader, { $0.headers = [("content-TYPE", "text/plain")] }),
        ("second subject", .duplicateHeader, { $0.headers = [("subject", "x")] }),
        ("date twice", .duplicateHeader, { $0.headers = [("Date", "x"), ("date", "y")] }),
        ("no from", .missingFrom, { $0.from = nil }),
        (
            "empty from", .missingFrom,
            {
                $0.from = nil
                $0.headers = [("From", " ")]
            }
        ),
        ("null from", .invalidAddress, { $0.from = (nil, .null) }),
        ("bare postmaster", .invalidAddress, { $0.from = (nil, EnvelopeAddress(localPart: "postmaster", domain: "")) }),
        ("CRLF in address", .invalidAddress, { $0.to = [(nil, EnvelopeAddress(localPart: "a\r\nBcc: x", domain: "b.c"))] }),
        ("CRLF in domain", .invalidAddress, { $0.cc = [(nil, EnvelopeAddress(localPart: "a", domain: "b.c\r\nX: y"))] }),
        ("bad address text", .invalidAddress, { $0.headers = [("Cc", "Jürgen <nobody>")] }),
        ("8-bit group that is not closed", .invalidAddress, { $0.headers = [("Cc", "Gruppe ü: a@b.c")] }),
        ("8-bit group in a group", .invalidAddress, { $0.headers = [("Cc", "ü: v: a@b.c;;")] }),
        ("8-bit group without name", .invalidAddress, { $0.headers = [("Cc", ": ü <a@b.c>;")] }),
        ("endless word", .lineTooLong, { $0.headers = [("X-A", String(repeating: "x", count: 998))] }),
        ("empty message ID", .invalidMessageID, { $0.messageID = "" }),
        ("space in message ID", .invalidMessageID, { $0.messageID = "a b@c" }),
        ("injection in message ID", .invalidMessageID, { $0.messageID = "a@c>\r\nX: y" }),
        ("long message ID", .invalidMessageID, { $0.messageID = String(repeating: "x", count: 901) }),
        ("content type", .invalidContentType, { $0.attachments = [Attachment(data: [], contentType: "nothing")] }),
        ("content type injection", .invalidContentType, { $0.attachments = [Attachment(data: [], contentType: "a/b\r\nX: y")] }),
        ("multipart attachment", .invalidContentType, { $0.attachments = [Attachment(data: [], contentType: "multipart/mixed")] }),
        ("file name injection", .headerInjection, { $0.attachments = [Attachment(data: [], fileName: "a\"\r\nX: y")] }),
        ("content ID injection", .invalidMessageID, { $0.attachments = [Attachment(data: [], contentID: "a>\r\nX: y")] }),
        ("binary message", .invalidAttachment, { $0.attachments = [Attachment(data: [0], contentType: "message/rfc822")] }),
    ]

    @Test(arguments: refused)
    func refuses(what: String, code: MessageBuilderError.Code, change: Change) {
        let error = #expect(throws: MessageBuilderError.self) { try plainBuilder().with(change).build() }
        #expect(error?.code == code, "\(what)")
        #expect(error?.description.unicodeScalars.contains { $0.value < 0x20 } == false)
    }

    /// Whatever is put into text fields, no header appears that was not asked for.
    @Test(arguments: seeds)
    func nothingIsInjected(seed: UInt64) {
        var random = TestRandom(seed)
        let pieces = [
            "a", " ", "\r\n", "\n", "\r", "\0", ":", "Bcc: x@y.z", "ü", "\"", "\\", "<", ">", ",", "=?utf-8?q?", "?=", "\t", "\u{2028}",
            "\u{85}",
        ]
        var built = 0
        for _ in 0..<1500 {
            let texts = (0..<5).map { _ in randomText(&random, pieces: pieces, upTo: 4) }
            let builder = plainBuilder(subject: texts[0]).with {
                $0.from?.name = texts[1]
                $0.headers = [("X-A", texts[2])]
                $0.attachments = [Attachment(data: Array(texts[4].utf8), contentType: "text/plain", fileName: texts[3])]
            }
            guard let message = try? builder.build() else { continue }
            built += 1
            let names = MIMEReader.read(message).headers.map(\.name)
            #expect(
                names == ["Date", "Message-ID", "From", "To", "Subject", "X-A", "MIME-Version", "Content-Type"], "seed \(seed): \(texts)")
            checkLines(message)
        }
        #expect(built > 50)
    }
}
