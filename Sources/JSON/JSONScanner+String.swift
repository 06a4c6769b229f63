extension JSONScanner {
    /// Where a string is: its bytes between the quotes, as they are written.
    struct StringRange {
        var range: Range<Int>
        var hasEscapes: Bool
    }

    /// Reads the string that begins here.
    mutating func text() throws(JSONFault) -> String {
        let found = try passString()
        let raw = UnsafeBufferPointer(rebasing: bytes[found.range])
        // A string without escapes is copied as a whole, which checks it too.
        if !found.hasEscapes, let text = String(validating: raw, as: UTF8.self) { return text }
        // What the escapes stand for is never longer than they are.
        return String(unsafeUninitializedCapacity: raw.count) { Self.unescape(raw, into: $0) }
    }

    /// Passes over the string that begins here, and checks it: its end, its escapes and its UTF-8.
    mutating func passString() throws(JSONFault) -> StringRange {
        let opening = position
        position += 1
        let start = position
        var hasEscapes = false
        while true {
            passPlainBytes()
            switch next {
            case UInt8(ascii: "\""):
                let range = start..<position
                try checkUTF8(range)
                position += 1
                return StringRange(range: range, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try passEscape()
            case nil:
                position = opening
                throw fault("the text ends inside the string that begins")
            case .some: throw fault("a string has a control character, which must be escaped,")
            }
        }
    }

    /// Goes to the next quote, backslash or control character: eight bytes at a time.
    private mutating func passPlainBytes() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while bytes.count - position >= 8 {
            let word = UnsafeRawPointer(bytes.baseAddress! + position).loadUnaligned(as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5c)
            // The high bit of a byte that is zero, and of one below 0x20. A byte too many costs nothing: the loop below looks at each.
            let hits = ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
            guard hits & highs == 0 else { break }
            position += 8
        }
        while let byte = next, byte >= 0x20, byte != 0x22, byte != 0x5c { position += 1 }
    }

    private func checkUTF8(_ range: Range<Int>) throws(JSONFault) {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: UnsafeBufferPointer(rebasing: bytes[range]).span)
        } catch {
            var there = self
            there.position = range.lowerBound + error.byteOffsets.lowerBound
            throw there.fault("a string is not UTF-8")
        }
    }

    private mutating func passEscape() throws(JSONFault) {
        let start = position
        position += 1
        guard let byte = next else { throw fault("the text ends inside an escape") }
        position += 1
        switch byte {
        case 0x22, 0x5c, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        case UInt8(ascii: "u"):
            guard let unit = Self.unit(bytes, position) else { throw fault("four hexadecimal digits were expected") }
            position += 4
            guard rules.loneSurrogate == .refused, unit & 0xf800 == 0xd800 else { return }
            guard unit & 0xfc00 == 0xd800, let low = Self.unit(bytes, escapedAt: position), low & 0xfc00 == 0xdc00 else {
                position = start
                throw fault("an escape is half of a surrogate pair")
            }
            position += 6
        default:
            position = start
            throw fault("an unknown escape")
        }
    }

    /// Four hexadecimal digits.
    private static func unit(_ bytes: UnsafeBufferPointer<UInt8>, _ position: Int) -> UInt32? {
        guard bytes.count - position >= 4 else { return nil }
        var value: UInt32 = 0
        for index in position..<position + 4 {
            switch bytes[index] {
            case let byte where byte >= 0x30 && byte <= 0x39: value = value << 4 | UInt32(byte - 0x30)
            case let byte where byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66: value = value << 4 | UInt32((byte | 0x20) - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    /// `\u` and four hexadecimal digits.
    private static func unit(_ bytes: UnsafeBufferPointer<UInt8>, escapedAt position: Int) -> UInt32? {
        guard bytes.count - position >= 6, bytes[position] == 0x5c, bytes[position + 1] == UInt8(ascii: "u") else { return nil }
        return unit(bytes, position + 2)
    }

    /// Writes what a checked string means; answers the number of bytes.
    private static func unescape(_ raw: UnsafeBufferPointer<UInt8>, into out: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var count = 0
        func put(_ byte: UInt8) {
            out[count] = byte
            count += 1
        }
        var position = 0
        while position < raw.count {
            guard raw[position] == 0x5c else {
                var end = position + 1
                while end < raw.count, raw[end] != 0x5c { end += 1 }
                (out.baseAddress! + count).update(from: raw.baseAddress! + position, count: end - position)
                count += end - position
                position = end
                continue
            }
            let byte = raw[position + 1]
            position += 2
            switch byte {
            case UInt8(ascii: "b"): put(0x08)
            case UInt8(ascii: "f"): put(0x0c)
            case UInt8(ascii: "n"): put(0x0a)
            case UInt8(ascii: "r"): put(0x0d)
            case UInt8(ascii: "t"): put(0x09)
            case UInt8(ascii: "u"):
                var code = unit(raw, position) ?? 0xfffd
                position += 4
                if code & 0xfc00 == 0xd800, let low = unit(raw, escapedAt: position), low & 0xfc00 == 0xdc00 {
                    code = 0x10000 + (code & 0x3ff) << 10 + low & 0x3ff
                    position += 6
                }
                for byte in UTF8.encode(Unicode.Scalar(code) ?? "\u{fffd}")! { put(byte) }
            default: put(byte)
            }
        }
        return count
    }
}
