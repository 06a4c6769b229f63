import Testing

@testable import Message

@Suite struct BuilderBodyTests {
    static let png = Attachment(data: (0..<200).map { UInt8($0) }, contentType: "image/png", contentID: "logo", fileName: "logo.png")
    static let pdf = Attachment(data: Array("%PDF\u{1}".utf8), contentType: "application/pdf", fileName: "a.pdf")

    @Test(
        arguments: [
            (nil, nil, nil, [], "text/plain"),
            ("t", nil, nil, [], "text/plain"),
            (nil, "h", nil, [], "text/html"),
            (nil, nil, "a", [], "text/x-amp-html"),
            ("t", "h", nil, [], "multipart/alternative(text/plain,text/html)"),
            ("t", "h", "a", [], "multipart/alternative(text/plain,text/x-amp-html,text/html)"),
            ("t", nil, nil, [pdf], "multipart/mixed(text/plain,application/pdf)"),
            (nil, nil, nil, [pdf], "multipart/mixed(application/pdf)"),
            (nil, "h", nil, [png], "multipart/related(text/html,image/png)"),
            ("t", nil, nil, [png], "multipart/mixed(text/plain,image/png)"),
            (
                "t", "h", nil, [png, pdf],
                "multipart/mixed(multipart/alternative(text/plain,multipart/related(text/html,image/png)),application/pdf)"
            ),
        ] as [(String?, String?, String?, [Attachment], String)])
    func shapes(text: String?, html: String?, amp: String?, attachments: [Attachment], shape: String) throws {
        let message = try plainBuilder().with {
            ($0.textBody, $0.htmlBody, $0.ampHTMLBody, $0.attachments) = (text, html, amp, attachments)
        }.build()
        checkLines(message)
        let part = MIMEReader.read(message)
        #expect(part.shape == shape)
        #expect(part.header("MIME-Version") == "1.0")
        for (body, type) in [(text, "text/plain"), (html, "text/html"), (amp, "text/x-amp-html")] {
            guard let body else { continue }
            #expect(part.leaves.first { $0.type == type }?.text == body + "\r\n")
        }
        for attachment in attachments {
            let leaf = try #require(part.leaves.first { $0.type == attachment.contentType })
            #expect(leaf.content == attachment.data)
            #expect(leaf.parameter("filename", of: "Content-Disposition") == attachment.fileName)
            #expect(leaf.header("Content-ID") == attachment.contentID.map { "<\($0)>" })
            #expect(leaf.header("Content-Disposition")?.hasPrefix(attachment.contentID == nil ? "attachment" : "inline") == true)
        }
    }

    static let bodies: [(String, String, String)] = [
        ("", "\r\n", "7bit"),
        ("a", "a\r\n", "7bit"),
        ("a\nb", "a\r\nb\r\n", "7bit"),
        ("a\rb\r\nc\n\rd\n", "a\r\nb\r\nc\r\n\r\nd\r\n", "7bit"),
        (".\r\n..\r\n", ".\r\n..\r\n", "7bit"),
        ("trailing \t\nx", "trailing \t\r\nx\r\n", "7bit"),
        ("Grüße aus Mannheim an alle \n= ü\t\n", "Grüße aus Mannheim an alle \r\n= ü\t\r\n", "quoted-printable"),
        ("nothing but a nul \0\n", "nothing but a nul \0\r\n", "quoted-printable"),
        (String(repeating: "x", count: 998), String(repeating: "x", count: 998) + "\r\n", "7bit"),
        (String(repeating: "x", count: 999), String(repeating: "x", count: 999) + "\r\n", "quoted-printable"),
        (String(repeating: "日本語", count: 200), String(repeating: "日本語", count: 200) + "\r\n", "base64"),
        (
            String(repeating: "e", count: 75) + "\nü" + String(repeating: "e", count: 74) + "\n",
            String(repeating: "e", count: 75) + "\r\nü" + String(repeating: "e", count: 74) + "\r\n", "quoted-printable"
        ),
    ]

    @Test(arguments: bodies)
    func textBodies(body: String, expected: String, encoding: String) throws {
        let message = try plainBuilder().with { $0.textBody = body }.build()
        checkLines(message)
        let part = MIMEReader.read(message)
        #expect(part.content == Array(expected.utf8))
        #expect(part.header("Content-Transfer-Encoding") == encoding)
        #expect(part.parameter("charset", of: "Content-Type") == "utf-8")
    }

    @Test(
        arguments: [
            ("text/plain; charset=us-ascii", Array("a\r\nb = c \r\n".utf8), "quoted-printable"),
            ("text/csv", Array("a\nb\n".utf8), "base64"),
            ("text/csv", Array("a\rb".utf8), "base64"),
            ("text/csv", [0xFF, 0xFE, 0, 1], "base64"),
            ("text/plain", [], "quoted-printable"),
            ("application/octet-stream", Array("plain".utf8), "base64"),
            ("application/octet-stream", [], "base64"),
            ("text/plain", Array(String(repeating: "y", count: 5000).utf8), "quoted-printable"),
        ] as [(String, [UInt8], String)])
    func attachmentsKeepTheirBytes(type: String, data: [UInt8], encoding: String) throws {
        let message = try plainBuilder().with { $0.attachments = [Attachment(data: data, contentType: type)] }.build()
        checkLines(message)
        let leaf = try #require(MIMEReader.read(message).leaves.last)
        #expect(leaf.content == data)
        #expect(leaf.header("Content-Transfer-Encoding") == encoding)
    }

    @Test(arguments: [("Subject: x\n\nbody\n", "7bit"), ("Subject: x\n\nbödy\n", "8bit")])
    func attachedMessagesAreNotEncoded(content: String, encoding: String) throws {
        let message = try plainBuilder().with { $0.attachments = [Attachment(data: Array(content.utf8), contentType: "message/rfc822")] }
            .build()
        checkLines(message, allows8Bit: encoding == "8bit")
        let leaf = try #require(MIMEReader.read(message).leaves.last)
        #expect(leaf.header("Content-Transfer-Encoding") == encoding)
        #expect(leaf.text == content.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n"))
    }

    @Test(arguments: [
        "a.txt", "with space.txt", "quote\".txt", "back\\slash", "semi;colon=1.txt", "ü.txt", "日本語.pdf", "100%.txt", "it's*.txt", "",
        "=?utf-8?q?fake?=.txt",
        String(repeating: "x", count: 200) + ".txt", String(repeating: "ü ", count: 150) + ".txt",
    ])
    func fileNames(name: String) throws {
        let message = try plainBuilder().with { $0.attachments = [Attachment(data: [1], fileName: name)] }.build()
        #expect(checkLines(message).allSatisfy { $0.utf8.count <= 78 })
        let leaf = try #require(MIMEReader.read(message).leaves.last)
        #expect(leaf.parameter("filename", of: "Content-Disposition") == name)
        #expect(leaf.parameter("name", of: "Content-Type") == name)
    }

    @Test(
        arguments: [
            ("text/plain", "text/plain", []), ("Text/HTML; Charset=UTF-8", "text/html", ["charset=UTF-8"]),
            ("text/plain ; charset=\"a b\" ; x=\"q\\\"\\\\\";", "text/plain", ["charset=a b", "x=q\"\\"]), ("a/b;c=\"\"", "a/b", ["c="]),
        ] as [(String, String, [String])])
    func contentTypes(text: String, name: String, parameters: [String]) throws {
        let type = try #require(ContentType(text))
        #expect(type.name == name)
        #expect(type.parameters.map { "\($0.name)=\($0.value)" } == parameters)
    }

    @Test(arguments: [
        "", "text", "text/", "/plain", "text/plain x", "text/plain; charset", "text/plain; charset=", "text/plain; =x", "text/plain; a=\"b",
        "text/plain; a=\"",
        "text/plain; a=\"b\\\"", "text/plain; a=\"b\\", "text/plain; a=\"b\"c", "text/plain, text/html", "tëxt/plain", "text/plain\n",
        "Multipart/Mixed", "text/ plain",
    ])
    func badContentTypes(text: String) {
        #expect(ContentType(text) == nil)
    }

    /// The boundary must not occur in a body, even in one written by somebody who has seen the boundary of the same message before.
    @Test func boundariesAreFree() throws {
        var text = "x"
        for _ in 0..<20 {
            let message = try plainBuilder().with {
                $0.textBody = text
                $0.htmlBody = "<p>"
            }.build()
            let part = MIMEReader.read(message)
            #expect(part.leaves.map(\.text) == [text + "\r\n", "<p>\r\n"])
            let boundary = try #require(part.parameter("boundary", of: "Content-Type"))
            #expect(!text.contains(boundary) && boundary.utf8.count <= 70)
            text += "\r\n--\(boundary)\r\nContent-Type: text/html\r\n\r\n--\(boundary)--"
        }
    }

    @Test(
        arguments: [
            (["=_aa", "=_bb"], ["x"], "=_aa"), (["=_aa", "=_bb"], ["--=_aa--"], "=_bb"), (["=_aa", "=_bb"], ["", "=_a", "==_aa"], "=_bb"),
            (["=_aa", "=_bb"], ["=_aa", "=_bb"], nil),
            (["=_aa", "=_bb"], ["=_a=_b", "=_abb=", "_aa"], "=_aa"),
        ] as [([String], [String], String?)])
    func takenBoundariesArePassedOver(candidates: [String], bodies: [String], free: String?) {
        #expect(
            MIMEBoundaries.firstFree(of: candidates.map { Array($0.utf8) }, in: bodies.map { Array($0.utf8) })
                == free.map { Array($0.utf8) })
    }

    @Test func boundariesDifferInLevelContentAndSeedButNotInLength() throws {
        func leaf(_ text: String) -> MIMEPart { .leaf(headers: [], body: Array(text.utf8), isIdentity: true) }
        let first = try MIMEBoundaries(for: leaf("body"), seed: "s").text(0)
        #expect(try MIMEBoundaries(for: leaf("body"), seed: "s").text(0) == first)
        let others = try [
            MIMEBoundaries(for: leaf("body"), seed: "s").text(1), MIMEBoundaries(for: leaf("body"), seed: "t").text(0),
            MIMEBoundaries(for: leaf("bodz"), seed: "s").text(0), MIMEBoundaries(for: leaf("body and more of it"), seed: "s").text(0),
        ]
        #expect(Set(others + [first]).count == 5)
        #expect(others.allSatisfy { $0.count == first.count })
    }

    @Test(
        arguments: [
            ("text/plain", Array("plain\r\n".utf8), "us-ascii"), ("text/csv", Array("Größe;1".utf8), "utf-8"),
            ("text/plain", [], "us-ascii"),
            ("text/plain", [0xFF, 0xFE, 0x61, 0], nil), ("text/plain", [0x61, 0, 0x62, 0], nil), ("text/plain", [0x47, 0xFC], nil),
            ("text/plain", [0x1B, 0x24, 0x42], nil), ("text/plain; charset=iso-8859-1", [0x47, 0xFC], "iso-8859-1"),
            ("text/html; Charset=\"koi8-r\"", Array("a".utf8), "koi8-r"), ("application/json", Array("ü".utf8), nil),
            ("TEXT/Calendar; method=REQUEST", Array("ü".utf8), "utf-8"),
        ] as [(String, [UInt8], String?)])
    func attachedTextHasACharset(type: String, data: [UInt8], charset: String?) throws {
        let message = try plainBuilder().with { $0.attachments = [Attachment(data: data, contentType: type, fileName: "a")] }.build()
        let leaf = try #require(MIMEReader.read(message).leaves.last)
        #expect(leaf.parameter("charset", of: "Content-Type") == charset)
        #expect(leaf.content == data)
    }

    @Test func buildIsReproducible() throws {
        let builder = plainBuilder().with {
            $0.htmlBody = "h"
            $0.attachments = [Self.png, Self.pdf]
        }
        #expect(try builder.build() == builder.build())
    }

    @Test(arguments: seeds)
    func randomContentSurvives(seed: UInt64) throws {
        var random = TestRandom(seed)
        let pieces = [
            "a", " ", "\t", "\r\n", "=", "ü", "日", ".", "--", "=_", "\0", "From ", "word and word ", String(repeating: "z", count: 80),
        ]
        for _ in 0..<150 {
            let text = randomText(&random, pieces: pieces, upTo: 40)
            let data = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            let message = try plainBuilder().with {
                $0.textBody = text
                $0.htmlBody = text
                $0.attachments = [
                    Attachment(data: data, contentType: "image/png", contentID: "a"), Attachment(data: data, contentType: "text/plain"),
                    Attachment(data: Array(text.utf8), contentType: "text/plain"),
                ]
            }.build()
            checkLines(message)
            let leaves = MIMEReader.read(message).leaves
            let ended = text.utf8.suffix(2).elementsEqual([13, 10]) ? text : text + "\r\n"
            #expect(leaves.map(\.content) == [Array(ended.utf8), Array(ended.utf8), data, data, Array(text.utf8)], "seed \(seed)")
        }
    }
}

@Suite struct EncodingTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func base64Vectors(text: String, encoded: String) {
        var output: [UInt8] = []
        Base64.encode(Array(text.utf8), lineLength: .max, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == encoded)
        #expect(Base64.decode(encoded.utf8) == Array(text.utf8))
        #expect(Base64.decode(encoded.utf8.filter { $0 != 0x3D }) == Array(text.utf8))
    }

    @Test(arguments: ["Z", "Zg=", "Zg===", "Zg==Zg==", "=", "====", "Z===", "Zm9v=", "Zm 9*", "Zm9v-_"])
    func base64Refuses(text: String) {
        // One pad for two digits is short but says the same; everything else is damage.
        #expect(Base64.decode(text.utf8) == (text == "Zg=" ? [0x66] : nil))
    }

    @Test(arguments: [0, 1, 2, 3, 56, 57, 58, 114, 1000])
    func base64Lines(count: Int) {
        let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var output: [UInt8] = []
        Base64.encode(data, to: &output)
        #expect(output.count == Base64.encodedLength(count))
        #expect(output.split(separator: 10).allSatisfy { $0.count <= 77 && $0.last == 13 })
        #expect(Base64.decode(output) == data)
    }

    @Test(arguments: [
        ("plain", "plain"), ("a=b", "a=3Db"), ("a \r\nb", "a=20\r\nb"), ("a\t", "a=09"), ("ü", "=C3=BC"), ("a\rb\n", "a=0Db=0A"),
        ("\r\n", "\r\n"),
        (String(repeating: "x", count: 76), String(repeating: "x", count: 76)),
        (String(repeating: "x", count: 77), String(repeating: "x", count: 75) + "=\r\nxx"),
        (String(repeating: "x", count: 74) + "=\r\n", String(repeating: "x", count: 74) + "=\r\n=3D\r\n"),
        (String(repeating: "x", count: 73) + "=y", String(repeating: "x", count: 73) + "=\r\n=3Dy"),
    ])
    func quotedPrintableVectors(text: String, encoded: String) {
        var output: [UInt8] = []
        QuotedPrintable.encode(Array(text.utf8), to: &output)
        #expect(String(decoding: output, as: UTF8.self) == encoded)
    }
}
