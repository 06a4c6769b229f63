import Foundation
package import Shaping

/// *Value*: any JSON value of a request, as configuration values.
package struct JSONValue: Decodable, Sendable {
    package let config: ConfigValue

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            config = .null
        } else if let flag = try? container.decode(Bool.self) {
            config = .bool(flag)
        } else if let number = try? container.decode(Int64.self) {
            config = .integer(number)
        } else if let number = try? container.decode(Double.self) {
            config = .number(number)
        } else if let text = try? container.decode(String.self) {
            config = .string(text)
        } else if let list = try? container.decode([JSONValue].self) {
            config = .list(list.map(\.config))
        } else {
            config = .table(try container.decode([String: JSONValue].self).mapValues(\.config))
        }
    }

}

extension ConfigValue {
    /// The value of a JSON text; `nil` when it is none. Most meta values are strings without escapes: those need no parser.
    package init?(json text: String) {
        let utf8 = text.utf8
        if utf8.count >= 2, utf8.first == UInt8(ascii: "\""), utf8.last == UInt8(ascii: "\""), !utf8.contains(UInt8(ascii: "\\")) {
            self = .string(String(text.dropFirst().dropLast()))
            return
        }
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(utf8)) else { return nil }
        self = value.config
    }
}
