import Message
import Testing

/// The Testing module has a type of the same name.
typealias Attachment = Message.Attachment

/// A builder with the plainest ingredients.
func plainBuilder(subject: String? = "Hello") -> MessageBuilder {
    MessageBuilder(
        from: (nil, EnvelopeAddress(localPart: "from", domain: "example.com")),
        to: [(nil, EnvelopeAddress(localPart: "to", domain: "example.org"))],
        subject: subject,
        textBody: "Hi\n",
        date: 1_700_593_445,
        messageID: "id@example.com"
    )
}

extension MessageBuilder {
    /// A copy with changes.
    func with(_ change: (inout MessageBuilder) -> Void) -> MessageBuilder {
        var copy = self
        change(&copy)
        return copy
    }
}

/// Line rules every message has to keep; returns the lines of the header block.
@discardableResult
func checkLines(_ message: [UInt8], allows8Bit: Bool = false, sourceLocation: SourceLocation = #_sourceLocation) -> [String] {
    var lines: [[UInt8]] = []
    var line: [UInt8] = []
    var bare = 0
    var previous: UInt8 = 0
    for byte in message {
        if byte == 10 {
            if previous == 13 { line.removeLast() } else { bare += 1 }
            lines.append(line)
            line = []
        } else {
            if previous == 13 { bare += 1 }
            line.append(byte)
        }
        previous = byte
    }
    lines.append(line)
    #expect(bare == 0, "bare CR or LF", sourceLocation: sourceLocation)
    #expect(lines.last == [], "the last line is ended", sourceLocation: sourceLocation)
    #expect(lines.allSatisfy { $0.count <= 998 }, "lines of at most 998", sourceLocation: sourceLocation)
    #expect(!message.contains(0), "no NUL", sourceLocation: sourceLocation)
    if !allows8Bit { #expect(message.allSatisfy { $0 < 0x80 }, "7 bit", sourceLocation: sourceLocation) }
    let headers = lines.prefix { !$0.isEmpty }
    #expect(headers.allSatisfy { !$0.allSatisfy { $0 == 32 || $0 == 9 } }, "no blank folded line", sourceLocation: sourceLocation)
    return headers.map { String(decoding: $0, as: UTF8.self) }
}
