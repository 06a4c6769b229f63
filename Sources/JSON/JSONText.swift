/// Spells strings and checked values, straight into bytes. *Value* (a namespace).
package enum JSONText {
    private static let hex: [UInt8] = Array("0123456789abcdef".utf8)

    /// Appends `text` as a JSON string with its quotes.
    package static func append(string text: String, style: JSONStyle = .record, to out: inout [UInt8]) {
        out.append(0x22)
        let whole: Void? = text.utf8.withContiguousStorageIfAvailable { appendEscaped($0, style, to: &out) }
        if whole == nil {
            Array(text.utf8).withUnsafeBufferPointer { appendEscaped($0, style, to: &out) }
        }
        out.append(0x22)
    }

    /// Appends bytes of unknown encoding as a JSON string; what is not UTF-8 becomes U+FFFD.
    package static func append(bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        append(string: String(decoding: bytes, as: UTF8.self), to: &out)
    }

    /// Appends a JSON string, or `null` for nil.
    package static func append(optional text: String?, to out: inout [UInt8]) {
        guard let text else {
            out.append(contentsOf: "null".utf8)
            return
        }
        append(string: text, to: &out)
    }

    /// Appends `text`, which should be JSON already, on one line. Text that is not JSON is appended as a JSON string, so a
    /// damaged value can never break the line it stands in.
    package static func append(value text: String, to out: inout [UInt8]) {
        guard JSONScanner.isValid(text) else {
            append(string: text, to: &out)
            return
        }
        // Inside valid JSON a raw line break can only be white space between tokens.
        for byte in text.utf8 {
            out.append(byte < 0x20 ? 0x20 : byte)
        }
    }

    /// `text` as a JSON string with its quotes.
    package static func string(_ text: String, style: JSONStyle) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 2)
        append(string: text, style: style, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Copies runs of harmless bytes in one go; only `"`, `\` and what the style asks for are spelled out.
    private static func appendEscaped(_ bytes: UnsafeBufferPointer<UInt8>, _ style: JSONStyle, to out: inout [UInt8]) {
        var runStart = 0
        for index in bytes.indices {
            let byte = bytes[index]
            guard byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f || byte == 0x2f else { continue }
            if byte == 0x7f, !style.escapesDelete { continue }
            if byte == 0x2f, !style.escapesSlash { continue }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
            runStart = index + 1
            out.append(0x5c)
            switch byte {
            case 0x22, 0x5c, 0x2f: out.append(byte)
            case 0x08 where style.hasShortControls: out.append(UInt8(ascii: "b"))
            case 0x09: out.append(UInt8(ascii: "t"))
            case 0x0a: out.append(UInt8(ascii: "n"))
            case 0x0c where style.hasShortControls: out.append(UInt8(ascii: "f"))
            case 0x0d: out.append(UInt8(ascii: "r"))
            default:
                out.append(contentsOf: [UInt8(ascii: "u"), 0x30, 0x30, hex[Int(byte >> 4)], hex[Int(byte & 15)]])
            }
        }
        out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart...]))
    }
}
