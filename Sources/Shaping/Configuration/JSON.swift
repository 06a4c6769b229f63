/// *Value*: the JSON text of small values: meta entries and header references. Bulk JSON is written by Telemetry and Foundation.
package enum JSON {
    /// A JSON string.
    package static func text(_ value: String) -> String {
        var out = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    /// Any configuration value as JSON.
    package static func text(_ value: ConfigValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): number.isFinite ? "\(number)" : "null"
        case .string(let string): text(string)
        case .list(let list): "[" + list.map { text($0) }.joined(separator: ",") + "]"
        case .table(let table):
            "{" + table.sorted { $0.key < $1.key }.map { text($0.key) + ":" + text($0.value) }.joined(separator: ",") + "}"
        }
    }
}
