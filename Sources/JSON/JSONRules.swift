/// What a reader takes beyond the strict grammar (RFC 8259), and how deep it goes. *Value.*
package struct JSONRules: Sendable, Equatable {
    /// What becomes of half a surrogate pair, such as `\ud83d` alone, which is no character.
    package enum LoneSurrogate: Sendable {
        /// It is a fault.
        case refused
        /// It becomes U+FFFD.
        case replaced
    }

    /// Values within each other, the outermost and the innermost counted.
    package var depth: Int
    /// What becomes of half a surrogate pair.
    package var loneSurrogate: LoneSurrogate
    /// Whether a byte order mark may come first, which RFC 8259 (8.1) leaves to the reader.
    package var allowsByteOrderMark: Bool

    /// Rules as given; without arguments the strict ones.
    package init(depth: Int = 64, loneSurrogate: LoneSurrogate = .refused, allowsByteOrderMark: Bool = false) {
        self.depth = depth
        self.loneSurrogate = loneSurrogate
        self.allowsByteOrderMark = allowsByteOrderMark
    }

    /// The grammar and nothing else.
    package static let strict = JSONRules()
    /// Bodies of HTTP requests and answers.
    package static let api = JSONRules(depth: 512, allowsByteOrderMark: true)
}
