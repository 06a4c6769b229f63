/// Finds things in the header block of raw message bytes. *Value* (a namespace of pure functions).
///
/// The block reaches up to and including the empty line, or to the end if there is none. Lines end with CRLF; a bare LF is tolerated as a line end here
/// because a listener may be configured to let it in, and then every reader downstream will take it for one. Malformed lines are skipped.
/// Nothing is read past the end of the buffer, everything is one pass.
package enum HeaderBlock {
    /// Bytes of the header block including the empty line; the whole count if there is no empty line.
    package static func length(of message: UnsafeRawBufferPointer) -> Int {
        emptyLineEnd(message, from: 0) ?? message.count
    }

    /// The value of the first field of that name (case of A–Z ignored): unfolded, trimmed, never with CR or LF in it; nil if there is none.
    /// Bytes that are not UTF-8 become U+FFFD. Encoded words are left as they are.
    package static func firstValue(named name: String, in message: UnsafeRawBufferPointer) -> String? {
        for field in fields(in: message) where Byte.equalsFolded(UnsafeRawBufferPointer(rebasing: message[field.name]), name.utf8) {
            return unfolded(UnsafeRawBufferPointer(rebasing: message[field.value]))
        }
        return nil
    }

    /// All well-formed fields in order, as `firstValue` gives them. At most `limit` fields: a message of nothing but headers must not
    /// become many times its size in memory.
    package static func allFields(in message: UnsafeRawBufferPointer, limit: Int = 10_000) -> [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        for field in fields(in: message) {
            guard result.count < limit else { break }
            result.append(
                (
                    name: String(decoding: message[field.name], as: UTF8.self),
                    value: unfolded(UnsafeRawBufferPointer(rebasing: message[field.value]))
                ))
        }
        return result
    }

    /// The fields as ranges of bytes, without copying. Valid as long as the buffer is.
    package static func fields(in message: UnsafeRawBufferPointer) -> HeaderFields {
        HeaderFields(message)
    }

    /// The text of a field value: line ends of folding removed, a stray CR as a space, white space trimmed.
    package static func unfolded(_ value: UnsafeRawBufferPointer) -> String {
        var start = 0
        var end = value.count
        while start < end, isTrimmed(value[start]) { start += 1 }
        while end > start, isTrimmed(value[end - 1]) { end -= 1 }
        let trimmed = UnsafeRawBufferPointer(rebasing: value[start..<end])
        guard trimmed.contains(where: { $0 == Byte.lf || $0 == Byte.cr }) else { return String(decoding: trimmed, as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(trimmed.count)
        for (index, byte) in trimmed.enumerated() {
            switch byte {
            case Byte.lf: continue
            case Byte.cr:
                // The trimmed value cannot end with CR, so there is a next byte.
                if trimmed[index + 1] != Byte.lf { bytes.append(Byte.space) }
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isTrimmed(_ byte: UInt8) -> Bool {
        Byte.isWhite(byte) || byte == Byte.cr || byte == Byte.lf
    }

    /// Length of the empty line at `index`: 1 for LF, 2 for CRLF, 0 if the line is not empty.
    static func blankLineLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        guard index < bytes.count else { return 0 }
        if bytes[index] == Byte.lf { return 1 }
        if bytes[index] == Byte.cr, index + 1 < bytes.count, bytes[index + 1] == Byte.lf { return 2 }
        return 0
    }
}
