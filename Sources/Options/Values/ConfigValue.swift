/// One value of a policy or of a shaping file, whatever language it was written in. *Value.*
///
/// Lua, JSON and TOML all end here, so an option is checked in one place only.
package indirect enum ConfigValue: Sendable, Equatable {
    /// Absent: Lua `nil`, JSON `null`.
    case null
    /// A truth value.
    case bool(Bool)
    /// A whole number.
    case integer(Int64)
    /// A number with a fraction, or one that Lua computed as a float.
    case number(Double)
    /// A text.
    case string(String)
    /// A sequence.
    case list([ConfigValue])
    /// A table with names.
    case table([String: ConfigValue])
}

extension ConfigValue {
    /// Whether the value is absent.
    package var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The truth value, if this is one. Numbers and texts are not truth values.
    package var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The whole number, if this is one; a float without a fraction counts, because Lua's `/` always makes floats.
    package var integerValue: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        case .null, .bool, .string, .list, .table: nil
        }
    }

    /// The number, whole or not.
    package var numberValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null, .bool, .string, .list, .table: nil
        }
    }

    /// The text, if this is one.
    package var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The sequence, if this is one. An empty table counts: in Lua `{}` is both.
    package var listValue: [ConfigValue]? {
        switch self {
        case .list(let values): values
        case .table(let values) where values.isEmpty: []
        case .null, .bool, .integer, .number, .string, .table: nil
        }
    }

    /// The table, if this is one. An empty sequence counts: in Lua `{}` is both.
    package var tableValue: [String: ConfigValue]? {
        switch self {
        case .table(let values): values
        case .list(let values) where values.isEmpty: [:]
        case .null, .bool, .integer, .number, .string, .list: nil
        }
    }

    /// The named member of a table; nil when this is no table, has no such member, or the member is null.
    package subscript(_ name: String) -> ConfigValue? {
        guard case .table(let values) = self, let value = values[name], !value.isNull else { return nil }
        return value
    }
}

extension ConfigValue {
    /// A short rendering for error texts: bounded, one line, without control characters.
    package var shortText: String {
        switch self {
        case .null: "nothing"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value): String(value)
        case .string(let value): "'" + TextCheck.shortened(value) + "'"
        case .list: "a list"
        case .table: "a table"
        }
    }
}
