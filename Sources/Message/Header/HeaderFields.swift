internal import Glibc

/// One field of a header block as ranges of the buffer it was found in. *Value*.
package struct HeaderField: Sendable, Hashable {
    /// The name, without the colon and without white space before it.
    package let name: Range<Int>
    /// Everything after the colon up to the line end that closes the field, folding included.
    package let value: Range<Int>
    /// The whole field including its last line end: what to remove to remove the field.
    package let line: Range<Int>
}

/// Walks the well-formed fields of a header block. *Value*, valid as long as its buffer; not Sendable for that reason.
package struct HeaderFields: Sequence, IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The next field; nil at the empty line or the end. Lines that are no field (no colon, a name with other than printable ASCII, a continuation
    /// of nothing) are skipped together with their continuations.
    package mutating func next() -> HeaderField? {
        while position < bytes.count {
            let start = position
            if HeaderBlock.blankLineLength(bytes, at: start) > 0 {
                position = bytes.count
                return nil
            }
            let firstLine = HeaderBlock.lineEnd(bytes, from: start)
            var end = firstLine
            while end < bytes.count, Byte.isWhite(bytes[end]) { end = HeaderBlock.lineEnd(bytes, from: end) }
            position = end
            if let field = field(start: start, firstLine: firstLine, end: end) { return field }
        }
        return nil
    }

    private func field(start: Int, firstLine: Int, end: Int) -> HeaderField? {
        guard let base = bytes.baseAddress, let found = memchr(base + start, Int32(Byte.colon), firstLine - start) else { return nil }
        let colon = UnsafeRawPointer(found) - base
        var nameEnd = colon
        // "Name :" is obsolete syntax (RFC 5322 section 4.5.8) but still met.
        while nameEnd > start, Byte.isWhite(bytes[nameEnd - 1]) { nameEnd -= 1 }
        guard nameEnd > start, bytes[start..<nameEnd].allSatisfy({ 0x21...0x7E ~= $0 }) else { return nil }
        var valueEnd = end
        if valueEnd > colon + 1, bytes[valueEnd - 1] == Byte.lf {
            valueEnd -= 1
            if valueEnd > colon + 1, bytes[valueEnd - 1] == Byte.cr { valueEnd -= 1 }
        }
        return HeaderField(name: start..<nameEnd, value: (colon + 1)..<valueEnd, line: start..<end)
    }
}
