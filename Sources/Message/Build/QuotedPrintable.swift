/// Quoted-printable of RFC 2045 section 6.7. *Value* (a namespace of pure functions).
enum QuotedPrintable {
    private static let lineLimit = 76

    /// Appends the encoding of text whose lines end with CRLF; a CR or LF that is not part of a CRLF is encoded, so any bytes survive.
    static func encode(_ data: [UInt8], to output: inout [UInt8]) {
        output.reserveCapacity(output.count + data.count + data.count / 8)
        var column = 0
        var index = 0
        while index < data.count {
            let byte = data[index]
            if byte == Byte.cr, index + 1 < data.count, data[index + 1] == Byte.lf {
                output += [Byte.cr, Byte.lf]
                column = 0
                index += 2
                continue
            }
            let endsLine = index + 1 == data.count || (data[index + 1] == Byte.cr && index + 2 < data.count && data[index + 2] == Byte.lf)
            let plain = isPlain(byte) || (Byte.isWhite(byte) && !endsLine)
            // The last column is kept for the "=" of a soft break unless the line ends here anyway.
            if column + (plain ? 1 : 3) > (endsLine ? lineLimit : lineLimit - 1) {
                output += [Byte.equals, Byte.cr, Byte.lf]
                column = 0
            }
            if plain {
                output.append(byte)
                column += 1
            } else {
                output += [Byte.equals, Byte.upperHexDigit(byte >> 4), Byte.upperHexDigit(byte & 15)]
                column += 3
            }
            index += 1
        }
    }

    /// Printable ASCII but `=`. White space is plain too unless it ends a line.
    static func isPlain(_ byte: UInt8) -> Bool {
        0x21...0x7E ~= byte && byte != Byte.equals
    }
}
