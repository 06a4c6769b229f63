/// Cuts text into encoded words of RFC 2047, in UTF-8 with Q or B, whichever is shorter. *Value*. Never cuts inside a scalar.
struct EncodedWord {
    private let text: [Unicode.Scalar]
    private var position = 0
    private let usesBase64: Bool
    /// `=?utf-8?q?` and `?=`.
    private static let overhead = 12

    init(_ text: String) {
        self.text = Array(text.unicodeScalars)
        let quoted = text.utf8.reduce(0) { $0 + Self.cost($1) }
        usesBase64 = (text.utf8.count + 2) / 3 * 4 < quoted
    }

    /// Whether all text was given out.
    var isAtEnd: Bool { position >= text.count }

    /// The next word, at most `room` (at least 24) bytes long: one scalar always fits.
    mutating func next(room: Int) -> [UInt8] {
        let room = room - Self.overhead
        var chunk: [UInt8] = []
        var quoted = 0
        while position < text.count {
            let scalar = Array(UTF8.encode(text[position]) ?? UTF8.encodedReplacementCharacter)
            let cost = quoted + scalar.reduce(0) { $0 + Self.cost($1) }
            let width = usesBase64 ? (chunk.count + scalar.count + 2) / 3 * 4 : cost
            if width > room && !chunk.isEmpty { break }
            chunk += scalar
            quoted = cost
            position += 1
        }
        var word = Array((usesBase64 ? "=?utf-8?b?" : "=?utf-8?q?").utf8)
        if usesBase64 {
            Base64.encode(chunk, lineLength: .max, to: &word)
        } else {
            for byte in chunk { Self.appendQ(byte, to: &word) }
        }
        word += "?=".utf8
        return word
    }

    /// Safe also inside a `phrase` (RFC 2047 section 5, rule 3).
    private static func isPlain(_ byte: UInt8) -> Bool {
        if Byte.isAlphanumeric(byte) { return true }
        switch byte {
        case 0x21, 0x2A, 0x2B, 0x2D, 0x2F: return true
        default: return false
        }
    }

    private static func cost(_ byte: UInt8) -> Int {
        isPlain(byte) || byte == Byte.space ? 1 : 3
    }

    private static func appendQ(_ byte: UInt8, to word: inout [UInt8]) {
        if isPlain(byte) {
            word.append(byte)
        } else if byte == Byte.space {
            word.append(Byte.underscore)
        } else {
            word += [Byte.equals, Byte.upperHexDigit(byte >> 4), Byte.upperHexDigit(byte & 15)]
        }
    }
}

extension Collection where Element == UInt8 {
    /// Whether a reader could take a part for an encoded word: `=?charset?q?text?=`. As liberal as readers are, who find one inside a
    /// word, and with blanks in it.
    var resemblesEncodedWord: Bool {
        guard containsEncodedWordStart else { return false }
        let bytes = Array(self)
        guard let last = bytes.indices.dropLast().last(where: { bytes[$0] == Byte.question && bytes[$0 + 1] == Byte.equals }) else {
            return false
        }
        for start in bytes.indices.dropLast() where bytes[start] == Byte.equals && bytes[start + 1] == Byte.question {
            guard let mark = bytes[(start + 2)...].firstIndex(of: Byte.question), mark + 3 <= last, bytes[mark + 2] == Byte.question else {
                continue
            }
            switch bytes[mark + 1] | 0x20 {
            case 0x62, 0x71: return true  // b, q
            default: continue
            }
        }
        return false
    }
}

extension Sequence where Element == UInt8 {
    /// Whether `=?` occurs.
    var containsEncodedWordStart: Bool {
        var previous: UInt8 = 0
        for byte in self {
            if previous == Byte.equals && byte == Byte.question { return true }
            previous = byte
        }
        return false
    }
}
