/// The names one option table knows, and what becomes of each. *Value.*
///
/// Every name of the compatible API is listed, also those this version cannot honour: a typo, an option that does nothing
/// here and an option that is missing here are three different answers, and only the second may be silent.
package struct OptionSchema: Sendable {
    /// What the table configures, for error texts, such as `egress path`.
    package let owner: String
    /// The rule of each name.
    package let rules: [String: OptionRule]

    /// Refuses unknown names, unsupported options, and tuning knobs of the wrong type.
    ///
    /// Names are taken in order, so that of several errors always the same one is reported.
    package func check(_ table: [String: ConfigValue]) throws(ConfigError) {
        for name in table.keys.sorted() {
            guard let value = table[name], !value.isNull else { continue }
            switch rules[name] {
            case .field: continue
            case .ignored(let shape):
                guard shape.matches(value) else {
                    throw fail(name, "must be \(shape.text); got \(value.shortText)")
                }
            case .unsupported(let accepted):
                guard accepted.contains(where: { $0.matches(value) }) else {
                    throw fail(name, "is not supported yet by this version")
                }
            case nil: throw unknown(name)
            }
        }
    }

    /// An error about one option of this table.
    package func fail(_ option: String, _ text: String) -> ConfigError {
        ConfigError(message: "\(owner): option '\(TextCheck.shortened(option))' \(text)", option: option)
    }

    private func unknown(_ name: String) -> ConfigError {
        if let nearest = NearestName.suggestion(for: name, among: rules.keys) {
            return fail(name, "is unknown; did you mean '\(nearest)'?")
        }
        return fail(name, "is unknown; accepted: \(rules.keys.sorted().joined(separator: ", "))")
    }
}

/// What becomes of one name of an option table. *Value.*
package enum OptionRule: Sendable {
    /// Read into a field of the configuration.
    case field
    /// A knob of the reference system's inside that has no counterpart here: checked for its type, then without effect.
    case ignored(OptionShape)
    /// Not supported yet: refused, except for values that ask for nothing.
    case unsupported([OptionShape] = [])
}

/// The values an option without a field may have. *Value.*
package enum OptionShape: Sendable {
    /// Any truth value.
    case bool
    /// Any duration.
    case duration
    /// Any name.
    case name
    /// One of these texts.
    case oneOf([String])
    /// Any list.
    case list
    /// Any value.
    case anything
    /// An empty table or list.
    case empty
    /// This value.
    case exactly(ConfigValue)

    /// Whether the value has the shape.
    package func matches(_ value: ConfigValue) -> Bool {
        switch self {
        case .bool: value.boolValue != nil
        case .duration: (try? DurationText.parse(value, option: "")) != nil
        case .name: value.stringValue.map(TextCheck.isName) ?? false
        case .oneOf(let texts): value.stringValue.map(texts.contains) ?? false
        case .list: value.listValue != nil
        case .anything: true
        case .empty: value.listValue?.isEmpty ?? false
        case .exactly(let wanted): value == wanted
        }
    }

    /// The shape in words.
    package var text: String {
        switch self {
        case .bool: "true or false"
        case .duration: DurationText.accepted
        case .name: "a text"
        case .oneOf(let texts): texts.map { "'\($0)'" }.joined(separator: " or ")
        case .list: "a list"
        case .anything: "a value"
        case .empty: "an empty table"
        case .exactly(let value): value.shortText
        }
    }
}
