/// What a choice of transfer encoding has to know of some bytes, gathered in one pass. *Value*.
struct TextShape {
    /// Bytes above 0x7F occur.
    private(set) var has8Bit = false
    /// NUL occurs.
    private(set) var hasNull = false
    /// A CR or LF occurs that is not part of a CRLF.
    private(set) var hasBareLineBreak = false
    /// Bytes of the longest line, without its CRLF.
    private(set) var longestLine = 0
    /// About how many bytes quoted-printable would take.
    private(set) var quotedLength = 0

    init(_ data: [UInt8]) {
        var line = 0
        var escapes = 0
        var previous: UInt8 = 0
        for byte in data {
            if byte == Byte.lf {
                if previous == Byte.cr { line -= 1 } else { hasBareLineBreak = true }
                longestLine = max(longestLine, line)
                line = 0
            } else {
                if previous == Byte.cr { hasBareLineBreak = true }
                line += 1
                if byte >= 0x80 { has8Bit = true }
                if byte == 0 { hasNull = true }
                if !QuotedPrintable.isPlain(byte) && !Byte.isWhite(byte) && byte != Byte.cr { escapes += 1 }
            }
            previous = byte
        }
        if previous == Byte.cr { hasBareLineBreak = true }
        longestLine = max(longestLine, line)
        quotedLength = data.count + 2 * escapes + (data.count + 2 * escapes) / 25
    }

    /// Whether the bytes may go as they are into a 7-bit message (RFC 2045 section 2.7).
    var is7Bit: Bool { is8Bit && !has8Bit }

    /// Whether they may go as they are if 8BITMIME is available (RFC 2045 section 2.8).
    var is8Bit: Bool { !hasNull && !hasBareLineBreak && longestLine <= HeaderFolder.hardLimit }
}

/// Line ends of text given by a caller. *Value* (a namespace of pure functions).
enum LineEndings {
    /// CRLF, bare CR and bare LF all become CRLF.
    static func canonical(_ text: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + text.count / 32)
        var previous: UInt8 = 0
        for byte in text {
            switch byte {
            case Byte.cr: bytes += [Byte.cr, Byte.lf]
            case Byte.lf: if previous != Byte.cr { bytes += [Byte.cr, Byte.lf] }
            default: bytes.append(byte)
            }
            previous = byte
        }
        return bytes
    }
}
