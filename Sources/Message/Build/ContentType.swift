/// A content type with parameters (RFC 2045 section 5.1). *Value*.
struct ContentType: Sendable {
    /// `type/subtype`, lower case.
    let name: String
    /// Parameters in order, values unquoted.
    private(set) var parameters: [(name: String, value: String)] = []

    /// Whether this is `text/…`.
    var isText: Bool { name.hasPrefix("text/") }
    /// Whether this is `message/…`, which must not be encoded (RFC 2046 section 5.2).
    var isMessage: Bool { name.hasPrefix("message/") }

    /// Reads `type/subtype; name=value; name="value"`. nil for anything else and for multipart types, whose inside only the builder may lay out.
    init?(_ text: String) {
        guard text.utf8.count <= 1024, text.isASCII, text.firstControlOffset == nil else { return nil }
        var rest = text.utf8[...]
        func skipSpace() { rest = rest.drop { $0 == Byte.space } }
        func token() -> String? {
            let token = rest.prefix(while: Byte.isToken)
            rest = rest[token.endIndex...]
            return token.isEmpty ? nil : String(Substring(token))
        }
        skipSpace()
        guard let type = token(), rest.popFirst() == 0x2F, let subtype = token() else { return nil }
        name = (type + "/" + subtype).asciiLowered
        guard !name.hasPrefix("multipart/") else { return nil }
        skipSpace()
        while rest.first == Byte.semicolon {
            rest.removeFirst()
            skipSpace()
            if rest.isEmpty { return }
            guard let name = token(), rest.popFirst() == Byte.equals else { return nil }
            if rest.first == Byte.quote {
                rest.removeFirst()
                var value: [UInt8] = []
                var isClosed = false
                while let byte = rest.popFirst() {
                    if byte == Byte.quote {
                        isClosed = true
                        break
                    }
                    guard byte == Byte.backslash else {
                        value.append(byte)
                        continue
                    }
                    guard let escaped = rest.popFirst() else { return nil }
                    value.append(escaped)
                }
                guard isClosed else { return nil }
                parameters.append((name.asciiLowered, String(decoding: value, as: UTF8.self)))
            } else {
                guard let value = token() else { return nil }
                parameters.append((name.asciiLowered, value))
            }
            skipSpace()
        }
        guard rest.isEmpty else { return nil }
    }
}

/// Writes MIME parameters. *Value* (a namespace of pure functions).
enum MIMEParameter {
    private static let pieceLimit = 60

    /// The pieces of one parameter, to be separated by `;`: `name=token`, `name="quoted"`, or, if long, not ASCII or like an encoded word, the
    /// continuations and percent-encoding of RFC 2231.
    static func pieces(_ name: String, _ value: String) -> [[UInt8]] {
        if value.isASCII && value.utf8.count <= pieceLimit && !value.utf8.resemblesEncodedWord {
            if !value.isEmpty && value.utf8.allSatisfy(Byte.isToken) { return [Array("\(name)=\(value)".utf8)] }
            var bytes = Array("\(name)=\"".utf8)
            for byte in value.utf8 {
                if byte == Byte.quote || byte == Byte.backslash { bytes.append(Byte.backslash) }
                bytes.append(byte)
            }
            return [bytes + [Byte.quote]]
        }
        var sections: [[UInt8]] = [Array("utf-8''".utf8)]
        for byte in value.utf8 {
            let isPlain = Byte.isToken(byte) && byte != 0x25 && byte != 0x27 && byte != 0x2A
            let encoded = isPlain ? [byte] : [0x25, Byte.upperHexDigit(byte >> 4), Byte.upperHexDigit(byte & 15)]
            if sections[sections.count - 1].count + encoded.count > pieceLimit { sections.append([]) }
            sections[sections.count - 1] += encoded
        }
        if sections.count == 1 { return [Array("\(name)*=".utf8) + sections[0]] }
        return sections.enumerated().map { Array("\(name)*\($0.offset)*=".utf8) + $0.element }
    }
}
