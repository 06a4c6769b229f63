/// Reads the JSON of the cluster: objects whose members are known in advance. *State machine*; nil = not what was expected.
///
/// Depth is bounded, every length is bounded by the input's, numbers are whole and fit 64 bits, and text is UTF-8.
struct JSONReader {
    private static let depth = 16

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func take(_ word: StaticString) -> Bool {
        skipSpace()
        return word.withUTF8Buffer { expected in
            guard bytes[position...].starts(with: expected) else { return false }
            position += expected.count
            return true
        }
    }

    /// True at the end, white space aside.
    mutating func isAtEnd() -> Bool {
        skipSpace()
        return position == bytes.endIndex
    }

    /// Reads an object: `member` is called with each name and must consume the value. False when something was wrong.
    mutating func object(_ member: (String, inout JSONReader) -> Bool) -> Bool {
        guard take(UInt8(ascii: "{")) else { return false }
        if take(UInt8(ascii: "}")) { return true }
        while true {
            guard let name = string(), take(UInt8(ascii: ":")), member(name, &self) else { return false }
            if take(UInt8(ascii: "}")) { return true }
            guard take(UInt8(ascii: ",")) else { return false }
        }
    }

    /// Reads an array of at most `most` strings.
    mutating func strings(most: Int) -> [String]? {
        guard take(UInt8(ascii: "[")) else { return nil }
        var texts: [String] = []
        if take(UInt8(ascii: "]")) { return texts }
        while true {
            guard texts.count < most, let text = string() else { return nil }
            texts.append(text)
            if take(UInt8(ascii: "]")) { return texts }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    /// Reads a whole number.
    mutating func integer() -> Int64? {
        skipSpace()
        let isNegative = next == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let start = position
        var value: Int64 = 0
        while let byte = next, byte >= 0x30, byte <= 0x39 {
            let digit = Int64(byte - 0x30)
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(isNegative ? -digit : digit)
            guard !overflow, !carry else { return nil }
            value = sum
            position += 1
        }
        guard position > start, position == start + 1 || bytes[start] != 0x30 else { return nil }
        if let byte = next, byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") { return nil }
        return value
    }

    /// Reads `true` or `false`.
    mutating func boolean() -> Bool? {
        if take("true") { return true }
        return take("false") ? false : nil
    }

    /// Skips any value.
    mutating func skip(depth: Int = 0) -> Bool {
        guard depth < Self.depth else { return false }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"):
            return object { _, reader in reader.skip(depth: depth + 1) }
        case UInt8(ascii: "["):
            position += 1
            if take(UInt8(ascii: "]")) { return true }
            while true {
                guard skip(depth: depth + 1) else { return false }
                if take(UInt8(ascii: "]")) { return true }
                guard take(UInt8(ascii: ",")) else { return false }
            }
        case UInt8(ascii: "\""): return string() != nil
        case UInt8(ascii: "t"): return take("true")
        case UInt8(ascii: "f"): return take("false")
        case UInt8(ascii: "n"): return take("null")
        default:
            let start = position
            while let byte = next, "+-.0123456789eE".utf8.contains(byte) { position += 1 }
            return position > start
        }
    }

    /// Reads a string.
    mutating func string() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        var out: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: out, as: UTF8.self)
            case 0..<0x20: return nil
            case UInt8(ascii: "\\"):
                guard escape(into: &out) else { return nil }
            default: out.append(byte)
            }
        }
        return nil
    }

    private mutating func escape(into out: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        position += 1
        switch byte {
        case 0x22, 0x5c, UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0c)
        case UInt8(ascii: "n"): out.append(0x0a)
        case UInt8(ascii: "r"): out.append(0x0d)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            guard var code = hexadecimal() else { return false }
            if code >= 0xd800, code < 0xdc00 {
                guard next == 0x5c else { return false }
                position += 1
                guard next == UInt8(ascii: "u") else { return false }
                position += 1
                guard let low = hexadecimal(), low >= 0xdc00, low < 0xe000 else { return false }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { return false }
            out.append(contentsOf: UTF8.encode(scalar)!)
        default: return false
        }
        return true
    }

    private mutating func hexadecimal() -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { return nil }
            position += 1
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt32((byte | 0x20) - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }
}
