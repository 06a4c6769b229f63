import Shaping

/// *state machine*: one pass over the bytes of a JSON text. Depth is bounded; everything else is bounded by the input.
struct JSONParserState {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONTextError) -> ConfigValue {
        let value = try self.value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure("text after the value") }
        return value
    }

    private func failure(_ message: String) -> JSONTextError { JSONTextError(message: message, offset: position) }
    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 32 || byte == 10 || byte == 13 || byte == 9 { position += 1 }
    }

    private mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONTextError) -> ConfigValue {
        guard depth <= JSONText.maximumDepth else { throw failure("nested too deeply") }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try table(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-")?: return try number()
        case .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        case nil: throw failure("the text ends before the value")
        default: throw failure("a value was expected")
        }
    }

    private mutating func word(_ text: String, _ value: ConfigValue) throws(JSONTextError) -> ConfigValue {
        guard bytes[position...].starts(with: text.utf8) else { throw failure("a value was expected") }
        position += text.utf8.count
        return value
    }

    private mutating func list(depth: Int) throws(JSONTextError) -> ConfigValue {
        position += 1
        var values: [ConfigValue] = []
        skipSpace()
        if skip("]") { return .list(values) }
        repeat {
            values.append(try value(depth: depth + 1))
            skipSpace()
        } while skip(",")
        guard skip("]") else { throw failure("',' or ']' was expected") }
        return .list(values)
    }

    private mutating func table(depth: Int) throws(JSONTextError) -> ConfigValue {
        position += 1
        var values: [String: ConfigValue] = [:]
        skipSpace()
        if skip("}") { return .table(values) }
        repeat {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw failure("a name in quotes was expected") }
            let name = try string()
            skipSpace()
            guard skip(":") else { throw failure("':' was expected") }
            values[name] = try value(depth: depth + 1)
            skipSpace()
        } while skip(",")
        guard skip("}") else { throw failure("',' or '}' was expected") }
        return .table(values)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        return position - start
    }

    private mutating func number() throws(JSONTextError) -> ConfigValue {
        let start = position
        _ = skip("-")
        let leadingZero = current == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, !leadingZero || whole == 1 else { throw failure("not a number") }
        var isInteger = true
        if skip(".") {
            isInteger = false
            guard digits() > 0 else { throw failure("digits were expected") }
        }
        if skip("e") || skip("E") {
            isInteger = false
            if !skip("+") { _ = skip("-") }
            guard digits() > 0 else { throw failure("digits were expected") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw failure("the number is too large") }
        return .number(value)
    }

    private mutating func string() throws(JSONTextError) -> String {
        position += 1
        var out: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: out, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &out)
            case 0..<32:
                position -= 1
                throw failure("a control character in a string")
            default: out.append(byte)
            }
        }
        throw failure("the text ends inside a string")
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONTextError) {
        guard let byte = current else { throw failure("the text ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "u"):
            var code = try unit()
            if code & 0xfc00 == 0xd800, bytes[position...].starts(with: "\\u".utf8) {
                let mark = position
                position += 2
                let low = try unit()
                if low & 0xfc00 == 0xdc00 { code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff) } else { position = mark }
            }
            // A lone surrogate becomes U+FFFD.
            out.append(contentsOf: String(Character(Unicode.Scalar(code) ?? "\u{fffd}")).utf8)
        default: throw failure("an unknown escape")
        }
    }

    private mutating func unit() throws(JSONTextError) -> UInt32 {
        guard bytes.count - position >= 4 else { throw failure("four hexadecimal digits were expected") }
        var code: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw failure("four hexadecimal digits were expected") }
            code = code << 4 | UInt32(digit)
        }
        position += 4
        return code
    }
}
