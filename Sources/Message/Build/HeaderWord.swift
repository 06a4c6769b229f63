/// A run of non-white bytes in a header value with the white space before it: the piece that folding never breaks. *Value*.
struct HeaderWord: Sendable, Hashable {
    /// White space before the word.
    let white: [UInt8]
    /// The word.
    let bytes: [UInt8]

    /// Bytes with white space.
    var count: Int { white.count + bytes.count }

    /// Whether the word is ASCII.
    var isASCII: Bool { bytes.allSatisfy { $0 < 0x80 } }

    /// The words of a value. White space at its ends is dropped, so no line of a folded header is ever blank.
    static func split(_ value: String) -> [HeaderWord] {
        var words: [HeaderWord] = []
        var white: [UInt8] = []
        var word: [UInt8] = []
        for byte in value.utf8 {
            if Byte.isWhite(byte) {
                if !word.isEmpty {
                    words.append(HeaderWord(white: white, bytes: word))
                    white = []
                    word = []
                }
                white.append(byte)
            } else {
                if words.isEmpty && word.isEmpty { white = [] }
                word.append(byte)
            }
        }
        if !word.isEmpty { words.append(HeaderWord(white: white, bytes: word)) }
        return words
    }

    /// A value without white space at its ends.
    static func trimmed(_ value: String) -> String {
        let utf8 = value.utf8
        guard let first = utf8.firstIndex(where: { !Byte.isWhite($0) }), let last = utf8.lastIndex(where: { !Byte.isWhite($0) }) else {
            return ""
        }
        return String(Substring(utf8[first...last]))
    }
}
