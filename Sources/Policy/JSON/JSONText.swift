package import Shaping

/// *value*: JSON (RFC 8259) to and from `ConfigValue`, bounded and without Foundation.
package enum JSONText {
    /// Nesting in either direction.
    static let maximumDepth = 64

    /// UTF-8 text with sorted keys. Throws for NaN, infinities and too deep nesting.
    package static func encode(_ value: ConfigValue, pretty: Bool = false) throws(JSONTextError) -> [UInt8] {
        var encoder = JSONEncoderState(pretty: pretty)
        try encoder.put(value, depth: 0)
        return encoder.bytes
    }

    /// Reads exactly one value.
    package static func parse(_ text: some StringProtocol) throws(JSONTextError) -> ConfigValue {
        try parse(bytes: Array(text.utf8))
    }

    /// Reads exactly one value. Integers beyond 64 bits become numbers; invalid UTF-8 is repaired.
    package static func parse(bytes: [UInt8]) throws(JSONTextError) -> ConfigValue {
        var parser = JSONParserState(bytes: bytes)
        return try parser.document()
    }
}

/// *value*: what is wrong with a text or a value; `offset` counts bytes from 0 and is absent when encoding.
package struct JSONTextError: Error, Sendable, Equatable {
    package let message: String
    package let offset: Int?
}

/// *value*: the encoder at work.
private struct JSONEncoderState {
    let pretty: Bool
    var bytes: [UInt8] = []

    init(pretty: Bool) { self.pretty = pretty }

    mutating func put(_ value: ConfigValue, depth: Int) throws(JSONTextError) {
        guard depth <= JSONText.maximumDepth else { throw JSONTextError(message: "nested too deeply", offset: nil) }
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .integer(let value): append(String(value))
        case .number(let value):
            guard value.isFinite else { throw JSONTextError(message: "JSON has no NaN and no infinity", offset: nil) }
            append("\(value)")
        case .string(let value): string(value)
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (i, value) in values.enumerated() {
                separate(first: i == 0, depth: depth + 1)
                try put(value, depth: depth + 1)
            }
            close("]", empty: values.isEmpty, depth: depth)
        case .table(let values):
            bytes.append(UInt8(ascii: "{"))
            for (i, key) in values.keys.sorted().enumerated() {
                separate(first: i == 0, depth: depth + 1)
                string(key)
                append(pretty ? ": " : ":")
                try put(values[key] ?? .null, depth: depth + 1)
            }
            close("}", empty: values.isEmpty, depth: depth)
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func separate(first: Bool, depth: Int) {
        if !first { bytes.append(UInt8(ascii: ",")) }
        newline(depth)
    }

    private mutating func close(_ bracket: String, empty: Bool, depth: Int) {
        if !empty { newline(depth) }
        append(bracket)
    }

    private mutating func newline(_ depth: Int) {
        guard pretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
    }

    private mutating func string(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\r"): append("\\r")
            case UInt8(ascii: "\t"): append("\\t")
            case 0..<32:
                let digits = Array("0123456789abcdef".utf8)
                append("\\u00")
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
