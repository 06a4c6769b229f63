/// Base64 of RFC 4648 section 4, with the line breaks of RFC 2045 section 6.8. *Value* (a namespace of pure functions).
package enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// Appends the encoding of `data`, padded. With a `lineLength` (a multiple of four) a CRLF follows each full line, and the last.
    package static func encode(_ data: [UInt8], lineLength: Int = 76, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + encodedLength(data.count, lineLength: lineLength))
        let table = UnsafeBufferPointer(start: alphabet.utf8Start, count: 64)
        var column = 0
        var index = 0
        while index < data.count {
            let left = data.count - index
            let group = UInt32(data[index]) << 16 | (left > 1 ? UInt32(data[index + 1]) << 8 : 0) | (left > 2 ? UInt32(data[index + 2]) : 0)
            output.append(table[Int(group >> 18)])
            output.append(table[Int(group >> 12 & 63)])
            output.append(left > 1 ? table[Int(group >> 6 & 63)] : Byte.equals)
            output.append(left > 2 ? table[Int(group & 63)] : Byte.equals)
            index += 3
            column += 4
            if column >= lineLength {
                output += [Byte.cr, Byte.lf]
                column = 0
            }
        }
        if column > 0 && lineLength != .max { output += [Byte.cr, Byte.lf] }
    }

    /// Bytes that `encode` adds for `count` bytes of data.
    package static func encodedLength(_ count: Int, lineLength: Int = 76) -> Int {
        let characters = (count + 2) / 3 * 4
        return lineLength == .max ? characters : characters + (characters + lineLength - 1) / lineLength * 2
    }

    /// Decodes, ignoring white space; padding may be missing. nil for any other character, for data after padding, and for a tail of one character.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text {
            if Byte.isWhite(byte) || byte == Byte.cr || byte == Byte.lf { continue }
            if byte == Byte.equals {
                padding += 1
                guard digits >= 2, digits + padding <= 4 else { return nil }
                continue
            }
            guard padding == 0, let value = value(byte) else { return nil }
            group = group << 6 | value
            digits += 1
            if digits == 4 {
                output += [UInt8(group >> 16), UInt8(group >> 8 & 255), UInt8(group & 255)]
                group = 0
                digits = 0
            }
        }
        switch digits {
        case 0: return padding == 0 ? output : nil
        case 2: output.append(UInt8(group >> 4))
        case 3: output += [UInt8(group >> 10), UInt8(group >> 2 & 255)]
        default: return nil
        }
        return output
    }

    private static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte - 0x41)
        case 0x61...0x7A: UInt32(byte - 0x61 + 26)
        case 0x30...0x39: UInt32(byte - 0x30 + 52)
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
