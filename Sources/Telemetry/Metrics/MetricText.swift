/// Pieces of the Prometheus text format 0.0.4. *Value.*
enum MetricText {
    /// The label value that stands for everything past a family's bound.
    static let other = "other"
    /// Longest label value kept, in bytes; longer ones are cut at a character.
    static let maximumValueLength = 256

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    static func isName(_ text: String) -> Bool {
        isLabelName(String(text.map { $0 == ":" ? "_" : $0 }))
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    static func isLabelName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(first >= 0x30 && first <= 0x39) else { return false }
        return text.utf8.allSatisfy { byte in
            (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a) || byte == 0x5f
        }
    }

    /// `text`, cut to the longest value kept.
    static func bounded(_ text: String) -> String {
        guard text.utf8.count > maximumValueLength else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: maximumValueLength)
        while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    /// `a="x",b="y"`
    static func labels(_ names: [String], _ values: [String]) -> [UInt8] {
        var out: [UInt8] = []
        for (name, value) in zip(names, values) {
            if !out.isEmpty { out.append(UInt8(ascii: ",")) }
            out.append(contentsOf: name.utf8)
            out.append(contentsOf: "=\"".utf8)
            escape(value, quote: true, to: &out)
            out.append(UInt8(ascii: "\""))
        }
        return out
    }

    /// The `# HELP` and `# TYPE` lines of a family.
    static func appendHeader(name: String, help: String, kind: String, to out: inout [UInt8]) {
        out.append(contentsOf: "# HELP ".utf8)
        out.append(contentsOf: name.utf8)
        out.append(0x20)
        escape(help, quote: false, to: &out)
        out.append(contentsOf: "\n# TYPE ".utf8)
        out.append(contentsOf: name.utf8)
        out.append(0x20)
        out.append(contentsOf: kind.utf8)
        out.append(0x0a)
    }

    /// `name{labels} ` up to where the value goes.
    static func appendSample(_ name: [UInt8], suffix: StaticString = "", labels: [UInt8], to out: inout [UInt8]) {
        out.append(contentsOf: name)
        suffix.withUTF8Buffer { out.append(contentsOf: $0) }
        if !labels.isEmpty {
            out.append(UInt8(ascii: "{"))
            out.append(contentsOf: labels)
            out.append(UInt8(ascii: "}"))
        }
        out.append(0x20)
    }

    private static func escape(_ text: String, quote: Bool, to out: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case 0x5c: out.append(contentsOf: [0x5c, 0x5c])
            case 0x0a: out.append(contentsOf: [0x5c, UInt8(ascii: "n")])
            case 0x22 where quote: out.append(contentsOf: [0x5c, 0x22])
            default: out.append(byte)
            }
        }
    }
}
