extension HeaderField {
    /// Fields whose grammar has no place for an encoded word (RFC 2047 section 5): what looks like one in them is none.
    private static let structured: Set<String> = [
        "authentication-results", "date", "dkim-signature", "in-reply-to", "list-archive", "list-help", "list-owner", "list-post",
        "list-subscribe", "list-unsubscribe", "list-unsubscribe-post", "message-id", "received", "references", "resent-date",
        "resent-message-id", "return-path",
    ]

    /// An unstructured field: folded at its white space; encoded words (RFC 2047) over the stretch from its first to its last non-ASCII word.
    /// A value that looks as if it held encoded words is encoded as a whole, so that it arrives as the text it is.
    static func text(_ name: String, _ value: String) throws(MessageBuilderError) -> [UInt8] {
        try checkControls(value, name)
        var folder = HeaderFolder(name: name)
        let words = HeaderWord.split(value)
        // Encoding is also the only way to bring a subject of one endless word under the line limit.
        let isSubject = name.asciiLowered == "subject"
        let isDeceptive = value.utf8.resemblesEncodedWord && !structured.contains(name.asciiLowered)
        let mustEncode = words.indices.filter { index in
            isDeceptive || !words[index].isASCII || (isSubject && words[index].count > HeaderFolder.hardLimit - 20)
        }
        guard var first = mustEncode.first, var last = mustEncode.last else {
            for word in words { try folder.append(word.bytes, white: word.white) }
            return folder.finished()
        }
        // White space between an encoded word of the caller and one of ours would vanish in the reader; then everything is encoded.
        if value.utf8.containsEncodedWordStart {
            first = words.startIndex
            last = words.endIndex - 1
        }
        // Only the stretch keeps white space exactly; before it stands one space or TAB, which a fold cannot lose.
        while first > words.startIndex && words[first].white.count > 1 { first -= 1 }
        for word in words[..<first] { try folder.append(word.bytes, white: word.white) }
        var stretch: [UInt8] = []
        for index in first...last {
            if index > first { stretch += words[index].white }
            stretch += words[index].bytes
        }
        try folder.append(encoding: String(decoding: stretch, as: UTF8.self), white: words[first].white)
        for word in words[(last + 1)...] { try folder.append(word.bytes, white: word.white) }
        return folder.finished()
    }

    /// A field that is one identifier in angle brackets.
    static func identifier(_ name: String, _ value: String) throws(MessageBuilderError) -> [UInt8] {
        var folder = HeaderFolder(name: name)
        try folder.append(bracketedIdentifier(value, field: name))
        return folder.finished()
    }

    /// An identifier in angle brackets, checked.
    static func bracketedIdentifier(_ value: String, field: String) throws(MessageBuilderError) -> [UInt8] {
        var bytes = Array(value.utf8)
        if bytes.first == Byte.less && bytes.last == Byte.greater && bytes.count > 1 { bytes = Array(bytes[1..<(bytes.count - 1)]) }
        let isClean = bytes.allSatisfy { 0x21...0x7E ~= $0 && $0 != Byte.less && $0 != Byte.greater }
        guard 1...900 ~= bytes.count, isClean else { throw MessageBuilderError(.invalidMessageID, field: field) }
        return [Byte.less] + bytes + [Byte.greater]
    }

    /// A list of mailboxes.
    static func mailboxes(_ name: String, _ list: [MessageBuilder.Mailbox]) throws(MessageBuilderError) -> [UInt8] {
        try addresses(name, list.map { .mailbox($0) })
    }

    /// A list of mailboxes and groups.
    static func addresses(_ name: String, _ list: [AddressHeader.Entry]) throws(MessageBuilderError) -> [UInt8] {
        var folder = HeaderFolder(name: name)
        for (index, entry) in list.enumerated() {
            let comma: [UInt8] = index == list.count - 1 ? [] : [Byte.comma]
            switch entry {
            case .mailbox(let mailbox): try append(mailbox, ending: comma, field: name, to: &folder)
            case .group(let title, let members):
                let end = [Byte.semicolon] + comma
                try append(title: title, ending: members.isEmpty ? [Byte.colon] + end : [Byte.colon], field: name, to: &folder)
                for (index, member) in members.enumerated() {
                    try append(member, ending: index == members.count - 1 ? end : [Byte.comma], field: name, to: &folder)
                }
            }
        }
        return folder.finished()
    }

    private static func append(
        title: String, ending: [UInt8], field: String, to folder: inout HeaderFolder
    ) throws(MessageBuilderError) {
        try checkControls(title, field)
        guard isPlain(title) else {
            // White space separates an encoded word from what follows (RFC 2047 section 5, rule 3).
            try folder.append(encoding: title)
            return try folder.append(ending)
        }
        let words = HeaderWord.split(phrase(title))
        for (index, word) in words.enumerated() {
            try folder.append(index == words.count - 1 ? word.bytes + ending : word.bytes, white: word.white)
        }
    }

    private static func append(
        _ mailbox: MessageBuilder.Mailbox, ending: [UInt8], field: String, to folder: inout HeaderFolder
    ) throws(MessageBuilderError) {
        let address = mailbox.address
        // The initialiser of EnvelopeAddress trusts its caller; a header does not.
        guard !address.isNull, !address.domain.isEmpty,
            (try? EnvelopeAddress.validated(localPart: address.localPart, domain: address.domain)) != nil
        else { throw MessageBuilderError(.invalidAddress, field: field) }
        var text = Array((address.asciiText ?? address.text).utf8)
        let name = mailbox.name.map { HeaderWord.trimmed($0) } ?? ""
        if !name.isEmpty {
            try checkControls(name, field)
            if isPlain(name) {
                for word in HeaderWord.split(phrase(name)) { try folder.append(word.bytes, white: word.white) }
            } else {
                try folder.append(encoding: name)
            }
            text = [Byte.less] + text + [Byte.greater]
        }
        try folder.append(text + ending)
    }

    /// Whether a display name may be written without encoded words. What looks like one is encoded: many readers decode it in quotes too.
    private static func isPlain(_ name: String) -> Bool { name.isASCII && !name.utf8.containsEncodedWordStart }

    /// An ASCII display name as `phrase`: bare if it is atoms and single spaces, else a quoted string.
    private static func phrase(_ name: String) -> String {
        var afterSpace = true
        let isAtoms = name.utf8.allSatisfy { byte in
            defer { afterSpace = byte == Byte.space }
            return Byte.isAtext(byte) || (byte == Byte.space && !afterSpace)
        }
        if isAtoms { return name }
        var bytes: [UInt8] = [Byte.quote]
        for byte in name.utf8 {
            if byte == Byte.quote || byte == Byte.backslash { bytes.append(Byte.backslash) }
            bytes.append(byte)
        }
        bytes.append(Byte.quote)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Refuses C0 controls except TAB, and DEL: above all CR, LF and NUL.
    private static func checkControls(_ value: String, _ field: String) throws(MessageBuilderError) {
        if value.utf8.contains(where: { Byte.isControl($0) && $0 != Byte.tab }) {
            throw MessageBuilderError(.headerInjection, field: field)
        }
    }
}
