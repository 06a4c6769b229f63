extension RawReply {
    /// The reply as text. Built anew at each call: keep it if it is needed twice.
    ///
    /// Control bytes become "?" and broken UTF-8 is repaired, because this goes into logs and bounce messages.
    package var reply: Reply {
        let status = statusDigits
        var lines: [String] = []
        forEachLine { line in
            var text = line
            if let status, let own = Self.status(in: line), own.digits == status { text = line.dropFirst(own.length) }
            lines.append(Self.printable(text))
        }
        return Reply(
            code: code, enhanced: status.map { EnhancedStatus(class: $0.0, subject: $0.1, detail: $0.2) }, lines: lines)
    }

    /// The enhanced status code of the first line (RFC 3463), if it has one that agrees with the code.
    package var enhanced: EnhancedStatus? {
        statusDigits.map { EnhancedStatus(class: $0.0, subject: $0.1, detail: $0.2) }
    }

    /// Class, subject and detail of the first line; nil without an enhanced status or when its class contradicts the code.
    var statusDigits: (Int, Int, Int)? {
        var found: (Int, Int, Int)?
        var isFirst = true
        forEachLine { line in
            guard isFirst else { return }
            isFirst = false
            guard let status = Self.status(in: line), status.digits.0 == code / 100 else { return }
            found = status.digits
        }
        return found
    }

    /// Calls `body` with each line's text: without the code, its separator and the line end.
    func forEachLine(_ body: (ArraySlice<UInt8>) -> Void) {
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let feed = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
            body(Self.withoutTrailingBlanks(bytes[start..<feed]).dropFirst(4))
            start = feed < bytes.endIndex ? feed + 1 : feed
        }
    }

    /// `5.1.1 ` at the start of a line, and how many bytes it takes with the spaces after it.
    private static func status(in line: ArraySlice<UInt8>) -> (digits: (Int, Int, Int), length: Int)? {
        var parts = (0, 0, 0)
        var index = line.startIndex
        for part in 0..<3 {
            let start = index
            var value = 0
            while index < line.endIndex, index - start < 3, line[index] &- 0x30 < 10 {
                value = value * 10 + Int(line[index] - 0x30)
                index += 1
            }
            guard index > start else { return nil }
            switch part {
            case 0:
                guard index == start + 1, value == 2 || value == 4 || value == 5 else { return nil }
                parts.0 = value
            case 1: parts.1 = value
            default: parts.2 = value
            }
            if part < 2 {
                guard index < line.endIndex, line[index] == UInt8(ascii: ".") else { return nil }
                index += 1
            }
        }
        guard index == line.endIndex || line[index] == UInt8(ascii: " ") else { return nil }
        while index < line.endIndex, line[index] == UInt8(ascii: " ") { index += 1 }
        return (parts, index - line.startIndex)
    }

    /// The reply as one line for logs, at most `limit` bytes: a server may send a hundred lines.
    package func excerpt(limit: Int = 512) -> String { reply.oneLine.excerpt(limit) }

    /// Whether the text speaks of the number of recipients. Only asked of replies that say it with their code alone.
    var mentionsRecipientCount: Bool {
        let text = reply.oneLine.lowercased()
        return text.contains("too many") || text.contains("recipients")
    }

    /// A line without the blanks and carriage returns at its end.
    static func withoutTrailingBlanks(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while let last = line.last, last == 0x0D || last == 0x20 || last == 0x09 { line.removeLast() }
        return line
    }

    static func printable(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line.lazy.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}

extension String {
    /// The text, cut to `limit` bytes at a character, with the sign that something is missing.
    package func excerpt(_ limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > utf8.startIndex, end.samePosition(in: self) == nil { end = utf8.index(before: end) }
        return self[..<end] + "…"
    }
}
