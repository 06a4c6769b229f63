/// The kinds of values. *Value.*
package enum JSONKind: Sendable, Equatable {
    case null
    case boolean
    case number
    case string
    case array
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
