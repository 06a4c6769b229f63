/// Reads a short configuration text from left to right. *Value.*
///
/// Works on bytes, so that no input can make it cut inside a character or spend more than one look per byte.
package struct TextScanner {
    private let bytes: [UInt8]
    private var position = 0

    /// A scanner at the start of the text.
    package init(_ text: String) { bytes = Array(text.utf8) }

    /// Whether nothing is left.
    package var isAtEnd: Bool { position == bytes.count }

    /// The next byte, unread.
    package var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// What is left, as text.
    package var rest: String { String(decoding: bytes[position...], as: UTF8.self) }

    /// Reads spaces and tabs.
    package mutating func skipSpaces() {
        while let byte = next, byte == 0x20 || byte == 0x09 { position += 1 }
    }

    /// Reads the ASCII text if it stands here.
    package mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard bytes[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    /// Reads ASCII letters (and `µ` is none); empty when none stand here.
    package mutating func takeLetters() -> String {
        let start = position
        while let byte = next, (0x61...0x7A).contains(byte | 0x20) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Reads digits; nil when none stand here or the number does not fit.
    package mutating func takeDigits() -> Int? {
        takeNumber(separated: false)
    }

    /// Reads digits with `,` or `_` between them; nil when none stand here or the number does not fit.
    ///
    /// A separator without a digit behind it is left unread, so that `100,max_burst=5` reads 100.
    package mutating func takeCount() -> Int? {
        takeNumber(separated: true)
    }

    /// Reads the digits behind a decimal point as billionths; nil when none stand here or there are more than nine.
    package mutating func takeBillionths() -> Int64? {
        var value: Int64 = 0
        var places = 0
        while let digit = nextDigit {
            guard places < 9 else { return nil }
            value = value * 10 + Int64(digit)
            places += 1
            position += 1
        }
        guard places > 0 else { return nil }
        for _ in places..<9 { value *= 10 }
        return value
    }

    private var nextDigit: Int? {
        guard let byte = next, (0x30...0x39).contains(byte) else { return nil }
        return Int(byte - 0x30)
    }

    private mutating func takeNumber(separated: Bool) -> Int? {
        guard nextDigit != nil else { return nil }
        var value = 0
        while true {
            if let digit = nextDigit {
                let (product, tooBig) = value.multipliedReportingOverflow(by: 10)
                let (sum, tooBigToo) = product.addingReportingOverflow(digit)
                guard !tooBig, !tooBigToo else { return nil }
                value = sum
                position += 1
            } else if separated, let byte = next, byte == 0x2C || byte == 0x5F,
                position + 1 < bytes.count, (0x30...0x39).contains(bytes[position + 1])
            {
                position += 1
            } else {
                return value
            }
        }
    }
}
