internal import Glibc

// The lines of a header section, for those who count, remove or cut. Everything is one pass without allocation.
extension HeaderBlock {
    /// Fields of that name (any case of A–Z) in a header section. Blanks and folds before the colon are tolerated: whoever reads the
    /// message after us may tolerate them.
    package static func count(of name: StaticString, in section: UnsafeRawBufferPointer) -> Int {
        var count = 0
        var line = 0
        while line < section.count {
            if isField(named: name, section, at: line) { count += 1 }
            line = lineEnd(section, from: line)
        }
        return count
    }

    /// Content without those fields of its header section that have one of the names, each with its continuation lines; nil when there are none.
    package static func removing(_ names: [StaticString], from content: [UInt8]) -> [UInt8]? {
        content.withUnsafeBytes { bytes in
            let section = UnsafeRawBufferPointer(rebasing: bytes[..<ContentHead(bytes).length])
            var result: [UInt8]?
            var copied = 0
            var line = 0
            while line < section.count {
                var end = lineEnd(section, from: line)
                guard names.contains(where: { isField(named: $0, section, at: line) }) else {
                    line = end
                    continue
                }
                while end < section.count, Byte.isWhite(section[end]) { end = lineEnd(section, from: end) }
                if result == nil { result = [] }
                result?.append(contentsOf: bytes[copied..<line])
                copied = end
                line = end
            }
            result?.append(contentsOf: bytes[copied...])
            return result
        }
    }

    /// Whether the line at `index` begins a field of that name.
    private static func isField(named name: StaticString, _ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
        let length = name.utf8CodeUnitCount
        // The first byte decides almost always.
        guard bytes.count - index > length, Byte.lowered(bytes[index]) == Byte.lowered(name.utf8Start[0]) else { return false }
        guard
            Byte.equalsFolded(
                UnsafeRawBufferPointer(rebasing: bytes[index..<(index + length)]), UnsafeBufferPointer(start: name.utf8Start, count: length)
            )
        else { return false }
        var end = index + length
        while end < bytes.count, bytes[end] != Byte.colon {
            if Byte.isWhite(bytes[end]) {
                end += 1
            } else {
                let fold = blankLineLength(bytes, at: end)
                guard fold > 0, end + fold < bytes.count, Byte.isWhite(bytes[end + fold]) else { return false }
                end += fold
            }
        }
        return end < bytes.count
    }

    /// Whether the line at `index` begins a field: a name of printable ASCII, blanks perhaps, and a colon (RFC 5322 2.2, 4.5.8).
    static func isField(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
        var end = index
        while end < bytes.count, 0x21...0x7E ~= bytes[end], bytes[end] != Byte.colon { end += 1 }
        guard end > index else { return false }
        while end < bytes.count, Byte.isWhite(bytes[end]) { end += 1 }
        return end < bytes.count && bytes[end] == Byte.colon
    }

    /// Offset behind the first empty line; nil if there is none.
    static func emptyLineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var line = start
        while line < bytes.count {
            let blank = blankLineLength(bytes, at: line)
            if blank > 0 { return line + blank }
            line = lineEnd(bytes, from: line)
        }
        return nil
    }

    /// Offset of the first line that is neither a field nor the continuation of one; nil if there is none.
    static func firstStray(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var line = start
        while line < bytes.count {
            // A line that is still incomplete may become a field.
            let end = lineEnd(bytes, from: line)
            if !(Byte.isWhite(bytes[line]) && line > start), !isField(bytes, at: line) {
                return end < bytes.count || bytes[end - 1] == Byte.lf ? line : nil
            }
            line = end
        }
        return nil
    }

    /// Offset behind the LF of the line at `start`, or the end.
    static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = bytes.baseAddress, start < bytes.count,
            let found = memchr(base + start, Int32(Byte.lf), bytes.count - start)
        else { return bytes.count }
        return UnsafeRawPointer(found) - base + 1
    }
}
