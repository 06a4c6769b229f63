/// Reads the address list of a header that was given as text, so that its display names can be encoded. *Value* (a namespace of pure
/// functions). Only used for values that are not ASCII or seem to hold encoded words; others pass unchanged.
enum AddressHeader {
    private static let names: Set<String> = [
        "from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender",
        "resent-reply-to",
        "disposition-notification-to", "return-receipt-to", "errors-to",
    ]

    /// Whether a header holds addresses.
    static func isOne(_ name: String) -> Bool { names.contains(name.asciiLowered) }

    /// One entry of an address list. *Value*.
    enum Entry {
        case mailbox(MessageBuilder.Mailbox)
        /// `Title: a@b, c@d;`
        case group(title: String, members: [MessageBuilder.Mailbox])
    }

    /// The mailboxes of a list, those in groups too.
    static func mailboxes(_ value: String, field: String) throws(MessageBuilderError) -> [MessageBuilder.Mailbox] {
        try entries(value, field: field).flatMap { entry in
            switch entry {
            case .mailbox(let mailbox): [mailbox]
            case .group(_, let members): members
            }
        }
    }

    /// The entries of a comma-separated list: `addr`, `<addr>`, `Name <addr>`, `"Name" <addr>`, and groups of those. Comments are refused.
    static func entries(_ value: String, field: String) throws(MessageBuilderError) -> [Entry] {
        var list: [Entry] = []
        var group: (title: String, members: [MessageBuilder.Mailbox])?
        for (item, end) in split(Array(value.utf8)) {
            let text = HeaderWord.trimmed(String(decoding: item, as: UTF8.self))
            if end == Byte.colon {
                guard group == nil, !text.isEmpty else { throw MessageBuilderError(.invalidAddress, field: field) }
                group = (unquoted(text), [])
                continue
            }
            if !text.isEmpty {
                let mailbox = try mailbox(text, field: field)
                if group == nil { list.append(.mailbox(mailbox)) } else { group?.members.append(mailbox) }
            }
            guard end == Byte.semicolon else { continue }
            guard let closed = group else { throw MessageBuilderError(.invalidAddress, field: field) }
            list.append(.group(title: closed.title, members: closed.members))
            group = nil
        }
        guard group == nil, !list.isEmpty else { throw MessageBuilderError(.invalidAddress, field: field) }
        return list
    }

    /// Cuts at commas, colons and semicolons outside quotes and brackets; with each piece the byte it was cut at.
    private static func split(_ bytes: [UInt8]) -> [(item: ArraySlice<UInt8>, end: UInt8?)] {
        var items: [(item: ArraySlice<UInt8>, end: UInt8?)] = []
        var start = 0
        var inQuotes = false
        var depth = 0
        var escaped = false
        for (index, byte) in bytes.enumerated() {
            if escaped {
                escaped = false
            } else if inQuotes {
                if byte == Byte.backslash { escaped = true }
                if byte == Byte.quote { inQuotes = false }
            } else {
                switch byte {
                case Byte.quote: inQuotes = true
                case Byte.less, Byte.openBracket: depth += 1
                case Byte.greater, Byte.closeBracket: depth = max(0, depth - 1)
                case Byte.comma, Byte.colon, Byte.semicolon:
                    guard depth == 0 else { continue }
                    items.append((bytes[start..<index], byte))
                    start = index + 1
                default: break
                }
            }
        }
        items.append((bytes[start...], nil))
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
