/// Reads the mailbox list of an address header that was given as text, so that its display names can be encoded. *Value* (a namespace of pure
/// functions). Only used for values that are not ASCII; others pass unchanged.
enum AddressHeader {
    private static let names: Set<String> = [
        "from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender",
        "resent-reply-to",
        "disposition-notification-to", "return-receipt-to", "errors-to",
    ]

    /// Whether a header holds addresses.
    static func isOne(_ name: String) -> Bool { names.contains(name.asciiLowered) }

    /// The mailboxes of a comma-separated list: `addr`, `<addr>`, `Name <addr>` or `"Name" <addr>`. Groups and comments are refused.
    static func mailboxes(_ value: String, field: String) throws(MessageBuilderError) -> [MessageBuilder.Mailbox] {
        var list: [MessageBuilder.Mailbox] = []
        for item in split(Array(value.utf8)) {
            let text = HeaderWord.trimmed(String(decoding: item, as: UTF8.self))
            if text.isEmpty { continue }
            list.append(try mailbox(text, field: field))
        }
        guard !list.isEmpty else { throw MessageBuilderError(.invalidAddress, field: field) }
        return list
    }

    /// Cuts at commas outside quotes and angle brackets.
    private static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var items: [ArraySlice<UInt8>] = []
        var start = 0
        var inQuotes = false
        var inBrackets = false
        var escaped = false
        for (index, byte) in bytes.enumerated() {
            if escaped {
                escaped = false
            } else if inQuotes {
                if byte == Byte.backslash { escaped = true }
                if byte == Byte.quote { inQuotes = false }
            } else if byte == Byte.quote {
                inQuotes = true
            } else if byte == Byte.less {
                inBrackets = true
            } else if byte == Byte.greater {
                inBrackets = false
            } else if byte == Byte.comma && !inBrackets {
                items.append(bytes[start..<index])
                start = index + 1
            }
        }
        items.append(bytes[start...])
        return items
    }

    private static func mailbox(_ text: String, field: String) throws(MessageBuilderError) -> MessageBuilder.Mailbox {
        do {
            guard text.utf8.last == Byte.greater else { return (nil, try EnvelopeAddress.parse(text)) }
            guard let open = text.utf8.lastIndex(of: Byte.less) else { throw AddressError(.missingAngleBracket, at: 0) }
            let inner = text.utf8[text.utf8.index(after: open)...].dropLast()
            let address = try EnvelopeAddress.parse(String(Substring(inner)))
            let name = HeaderWord.trimmed(String(Substring(text.utf8[..<open])))
            return (name.isEmpty ? nil : unquoted(name), address)
        } catch {
            throw MessageBuilderError(.invalidAddress, field: field)
        }
    }

    private static func unquoted(_ name: String) -> String {
        guard name.utf8.count >= 2, name.utf8.first == Byte.quote, name.utf8.last == Byte.quote else { return name }
        var bytes: [UInt8] = []
        var escaped = false
        for byte in name.utf8.dropFirst().dropLast() {
            if byte == Byte.backslash && !escaped {
                escaped = true
            } else {
                bytes.append(byte)
                escaped = false
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
