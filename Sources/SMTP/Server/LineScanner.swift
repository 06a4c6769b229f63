/// Walks over the bytes of one command line without copying them. *Value*, not to outlive the line it points into.
struct LineScanner {
    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// True behind the last byte.
    var isAtEnd: Bool { index == bytes.count }

    /// True before a space or tab.
    var isAtBlank: Bool { index < bytes.count && Self.isBlank(bytes[index]) }

    /// Everything not yet consumed.
    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[index...]) }

    /// Skips `count` bytes.
    mutating func advance(_ count: Int) {
        precondition(count >= 0 && count <= bytes.count - index, "a parser consumed more than there was")
        index += count
    }

    /// Skips spaces and tabs.
    mutating func skipBlanks() {
        while isAtBlank { index += 1 }
    }

    /// Consumes bytes up to a blank or the end.
    mutating func word() -> UnsafeRawBufferPointer {
        let start = index
        while index < bytes.count, !Self.isBlank(bytes[index]) { index += 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<index])
    }

    /// Consumes the verb. Verbs are compared as one folded integer.
    mutating func verb() -> FoldedWord { word().foldedWord }

    /// Consumes `keyword` (upper case ASCII) if it is next, whatever its case.
    mutating func skip(keyword: StaticString) -> Bool {
        let length = keyword.utf8CodeUnitCount
        guard bytes.count - index >= length else { return false }
        guard UnsafeRawBufferPointer(rebasing: bytes[index..<(index + length)]).equalsFolded(keyword) else { return false }
        index += length
        return true
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// Up to eight ASCII bytes in upper case, as one integer. *Value.* Longer words and words with other bytes are 0.
struct FoldedWord: Equatable {
    let raw: UInt64

    /// Spelled letter by letter so that the optimiser folds every word to a constant: the switch over verbs is then a
    /// comparison of integers, without a lazily initialised global for each.
    @inline(__always)
    private init(_ letters: (Unicode.Scalar, Unicode.Scalar, Unicode.Scalar, Unicode.Scalar), _ tail: UInt64 = 0, _ tailLength: UInt64 = 0)
    {
        let head =
            UInt64(letters.0.value) << 24 | UInt64(letters.1.value) << 16
            | UInt64(letters.2.value) << 8 | UInt64(letters.3.value)
        raw = head << (8 * tailLength) | tail
    }

    fileprivate init(folding bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= 8 else {
            raw = 0
            return
        }
        var value: UInt64 = 0
        for byte in bytes { value = value << 8 | UInt64(byte.foldedASCII) }
        raw = value
    }

    static var helo: Self { Self(("H", "E", "L", "O")) }
    static var ehlo: Self { Self(("E", "H", "L", "O")) }
    static var mail: Self { Self(("M", "A", "I", "L")) }
    static var rcpt: Self { Self(("R", "C", "P", "T")) }
    static var data: Self { Self(("D", "A", "T", "A")) }
    static var bdat: Self { Self(("B", "D", "A", "T")) }
    static var rset: Self { Self(("R", "S", "E", "T")) }
    static var noop: Self { Self(("N", "O", "O", "P")) }
    static var quit: Self { Self(("Q", "U", "I", "T")) }
    static var help: Self { Self(("H", "E", "L", "P")) }
    static var vrfy: Self { Self(("V", "R", "F", "Y")) }
    static var expn: Self { Self(("E", "X", "P", "N")) }
    static var auth: Self { Self(("A", "U", "T", "H")) }
    static var size: Self { Self(("S", "I", "Z", "E")) }
    static var body: Self { Self(("B", "O", "D", "Y")) }
    static var sevenBit: Self { Self(("7", "B", "I", "T")) }
    static var starttls: Self { Self(("S", "T", "A", "R"), 0x54544C53, 4) }  // STARTTLS
    static var xclient: Self { Self(("X", "C", "L", "I"), 0x454E54, 3) }  // XCLIENT
    static var smtputf8: Self { Self(("S", "M", "T", "P"), 0x55544638, 4) }  // SMTPUTF8
    static var eightBitMIME: Self { Self(("8", "B", "I", "T"), 0x4D494D45, 4) }  // 8BITMIME

    /// Pattern match, so that a `switch` over words reads like one over strings.
    static func ~= (pattern: Self, value: Self) -> Bool { pattern.raw == value.raw }
}

extension UInt8 {
    /// Upper case for ASCII letters, everything else as it is.
    fileprivate var foldedASCII: UInt8 { self >= 0x61 && self <= 0x7A ? self & 0xDF : self }
}

extension UnsafeRawBufferPointer {
    /// The word for comparison.
    var foldedWord: FoldedWord { FoldedWord(folding: self) }

    /// True when the bytes are `text` (upper case ASCII), whatever their case.
    func equalsFolded(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { utf8 in
            count == utf8.count && zip(self, utf8).allSatisfy { $0.foldedASCII == $1 }
        }
    }

    /// The bytes as a decimal number; nil when empty, not all digits, or too large for 18 digits.
    var decimal: Int? {
        guard count <= 18 else { return nil }
        return saturatingDecimal
    }

    /// The bytes as a decimal number, `Int.max` when it is larger; nil when not 1 to 20 digits (RFC 1870, 3).
    var saturatingDecimal: Int? {
        guard (1...20).contains(count) else { return nil }
        var value = 0
        var overflowed = false
        for byte in self {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (product, first) = value.multipliedReportingOverflow(by: 10)
            let (sum, second) = product.addingReportingOverflow(Int(byte) - 0x30)
            overflowed = overflowed || first || second
            value = sum
        }
        return overflowed ? Int.max : value
    }
}
