/// The kinds of values. *Value.*
package enum JSONKind: Sendable, Equatable {
    /// The absent value.
    case null
    /// `true` or `false`.
    case boolean
    /// Whole or not.
    case number
    /// A text.
    case string
    /// A sequence.
    case array
    /// Names and values.
    case object

    /// With its article, for sentences.
    package var words: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
