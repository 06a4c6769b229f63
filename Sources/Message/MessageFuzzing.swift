/// Entry points for the fuzzer and for the random tests: each traps when an invariant of the target breaks. *Value* (a namespace of pure functions).
public enum MessageFuzzing {
    /// Feeds bytes to the mailbox, path and queue name grammars.
    public static func address(_ bytes: UnsafeRawBufferPointer) {
        if let address = try? EnvelopeAddress.parse(mailbox: bytes) { check(address) }
        for allowNull in [true, false] {
            guard let (address, consumed) = try? PathParser.parse(bytes, allowNull: allowNull) else { continue }
            precondition(2...min(bytes.count, PathParser.maximumLength) ~= consumed, "a path takes what it says")
            precondition(bytes[0] == Byte.less && bytes[consumed - 1] == Byte.greater, "a path ends at its bracket")
            precondition(allowNull || !address.isNull, "a recipient is not null")
            check(address)
        }
        if let name = try? QueueName(parsing: String(decoding: bytes, as: UTF8.self)) {
            let again = try? QueueName(parsing: name.text)
            precondition(again == name && again?.text == name.text, "a queue name reads back")
        }
        queueName(bytes)
    }

    /// Feeds bytes to the header scanner, and as content to the builder.
    public static func header(_ bytes: UnsafeRawBufferPointer) {
        let length = HeaderBlock.length(of: bytes)
        precondition(0...bytes.count ~= length, "a header block lies inside the message")
        let block = UnsafeRawBufferPointer(rebasing: bytes[..<length])
        precondition(HeaderBlock.length(of: block) == length, "a header block is its own header block")
        let fields = HeaderBlock.allFields(in: bytes, limit: .max)
        let inBlock = HeaderBlock.allFields(in: block, limit: .max)
        precondition(fields.elementsEqual(inBlock, by: ==), "fields lie in the header block")
        for field in fields {
            precondition(!field.value.utf8.contains { $0 == Byte.cr || $0 == Byte.lf }, "a value is one line")
        }
        if let first = fields.first {
            precondition(HeaderBlock.firstValue(named: first.name, in: bytes) == first.value, "the first field is found by name")
        }
        contentHead(bytes)
        build(bytes)
    }

    /// Whatever its components hold, a name that can be made is read back from its text.
    private static func queueName(_ bytes: UnsafeRawBufferPointer) {
        let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 4,
            let name = try? QueueName(campaign: parts[0], tenant: parts[1], domain: parts[2], routingDomain: parts[3])
        else { return }
        precondition(name.text.utf8.count <= QueueName.textLimit, "the text of a name is bounded")
        let again = try? QueueName(parsing: name.text)
        precondition(again == name && again?.text == name.text, "a queue name reads back")
    }

    /// Fields that are put on top stay apart from any content.
    private static func contentHead(_ bytes: UnsafeRawBufferPointer) {
        let head = ContentHead(bytes)
        precondition(0...bytes.count ~= head.length && head.isComplete, "a header section lies inside the content")
        var message = Array("X-Top: 1\r\n".utf8)
        head.seam.text.withUTF8Buffer { message += $0 }
        message += bytes
        let fields = message.withUnsafeBytes { HeaderBlock.allFields(in: $0, limit: 1) }
        precondition(fields.first?.name == "X-Top" && fields.first?.value == "1", "a field on top is intact")
        guard head.seam == .emptyLine else { return }
        precondition(message.withUnsafeBytes { HeaderBlock.length(of: $0) } == 12, "content without header section is body")
    }

    private static func check(_ address: EnvelopeAddress) {
        let text = address.text
        precondition(text.firstControlOffset == nil, "no control character gets through")
        precondition(text.utf8.count <= EnvelopeAddress.maximumLength, "limits hold")
        guard let again = try? EnvelopeAddress.parse(text, allowNull: true) else { preconditionFailure("an address reads back") }
        precondition(again == address && again.text.utf8.elementsEqual(text.utf8), "an address reads back as itself")
        let domain = address.normalizedDomain
        precondition(domain.isASCII, "a normalised domain is ASCII")
        let normalized = EnvelopeAddress(localPart: address.localPart, domain: domain)
        precondition(normalized.normalizedDomain == domain, "normalisation is idempotent")
    }

    private static func build(_ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        let printable = String(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.map { Character($0) })
        let builder = MessageBuilder(
            from: (printable, EnvelopeAddress(localPart: "a", domain: "example.com")),
            subject: printable,
            textBody: text,
            htmlBody: printable,
            attachments: [Attachment(data: Array(bytes), contentType: "text/csv", fileName: "\(bytes.count).csv")],
            date: Int64(bytes.count),
            messageID: "1@example.com"
        )
        guard let message = try? builder.build() else { return }
        let shape = TextShape(message)
        precondition(shape.is7Bit, "a message has clean lines of at most 998 bytes")
        let names = message.withUnsafeBytes { HeaderBlock.allFields(in: $0).map(\.name) }
        let expected = ["Date", "Message-ID", "From", "Subject", "MIME-Version", "Content-Type"]
        precondition(names == expected, "no header is injected")
    }
}
