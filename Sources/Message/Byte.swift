/// Byte classes of the mail grammars, without tables or allocation. *Value* (a namespace of pure functions).
enum Byte {
    static let tab: UInt8 = 0x09
    static let lf: UInt8 = 0x0A
    static let cr: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let bang: UInt8 = 0x21
    static let quote: UInt8 = 0x22
    static let comma: UInt8 = 0x2C
    static let hyphen: UInt8 = 0x2D
    static let dot: UInt8 = 0x2E
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let less: UInt8 = 0x3C
    static let equals: UInt8 = 0x3D
    static let greater: UInt8 = 0x3E
    static let question: UInt8 = 0x3F
    static let at: UInt8 = 0x40
    static let openBracket: UInt8 = 0x5B
    static let backslash: UInt8 = 0x5C
    static let closeBracket: UInt8 = 0x5D
    static let underscore: UInt8 = 0x5F

    /// Lower case by mask for A–Z; everything else unchanged.
    static func lowered(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// C0 controls (TAB included) and DEL.
    static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F
    }

    /// Space or TAB.
    static func isWhite(_ byte: UInt8) -> Bool {
        byte == space || byte == tab
    }

    /// 0–9.
    static func isDigit(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10
    }

    /// Letters and digits.
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) &- 0x61 < 26
    }

    /// `atext` of RFC 5322 section 3.2.3 (ASCII part).
    static func isAtext(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        switch byte {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E...0x60, 0x7B...0x7E: return true
        default: return false
        }
    }

    /// `token` of RFC 2045 section 5.1.
    static func isToken(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        switch byte {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7B...0x7E: return true
        default: return false
        }
    }

    /// The value of a hexadecimal digit of either case.
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte - 0x30 }
        let folded = byte | 0x20
        return folded &- 0x61 < 6 ? folded - 0x61 + 10 : nil
    }

    /// The digit for 0–15, lower case.
    static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x61 + value - 10
    }

    /// The digit for 0–15, upper case (RFC 2045 asks for it in quoted-printable).
    static func upperHexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x41 + value - 10
    }

    /// Whether two byte strings are equal when A–Z is folded.
    static func equalsFolded(_ bytes: UnsafeRawBufferPointer, _ text: some Collection<UInt8>) -> Bool {
        guard bytes.count == text.count else { return false }
        var index = 0
        for byte in text {
            guard lowered(bytes[index]) == lowered(byte) else { return false }
            index += 1
        }
        return true
    }
}

extension StringProtocol {
    /// Whether every byte is ASCII.
    var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }

    /// Lower case of A–Z only; locale and Unicode play no part.
    var asciiLowered: String {
        if utf8.allSatisfy({ Byte.lowered($0) == $0 }) { return String(self) }
        return String(decoding: utf8.map(Byte.lowered), as: UTF8.self)
    }
}
