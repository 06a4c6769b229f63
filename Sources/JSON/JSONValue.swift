/// Any JSON value. *Value.*
package enum JSONValue: Sendable, Equatable {
    /// The absent value.
    case null
    /// `true` or `false`.
    case boolean(Bool)
    /// A number without fraction and exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number.
    case double(Double)
    /// A text.
    case string(String)
    /// A sequence.
    case array([JSONValue])
    /// In the order of the text, names that stand twice included.
    case object([Member])

    /// A name and its value. *Value.*
    package struct Member: Sendable, Equatable {
        /// The name; any text.
        package var name: String
        /// The value.
        package var value: JSONValue

        /// A name and its value.
        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The kind of value.
    package var kind: JSONKind {
        switch self {
        case .null: .null
        case .boolean: .boolean
        case .integer, .double: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }
}

extension JSONValue {
    /// Reads the next value of a scanner.
    package init(reading scanner: inout JSONScanner) throws(JSONFault) {
        switch try scanner.kind() {
        case .null:
            try scanner.null()
            self = .null
        case .boolean: self = .boolean(try scanner.boolean())
        case .number:
            switch try scanner.number() {
            case .integer(let value): self = .integer(value)
            case .double(let value): self = .double(value)
            }
        case .string: self = .string(try scanner.string())
        case .array:
            var values: [JSONValue] = []
            try scanner.array { scanner throws(JSONFault) in values.append(try JSONValue(reading: &scanner)) }
            self = .array(values)
        case .object:
            var members: [Member] = []
            try scanner.object { name, scanner throws(JSONFault) in members.append(Member(name, try JSONValue(reading: &scanner))) }
            self = .object(members)
        }
    }

    /// The value that bytes are the text of.
    package init(parsing bytes: UnsafeRawBufferPointer, _ rules: JSONRules = .strict) throws(JSONFault) {
        self = try JSONScanner.scan(bytes.assumingMemoryBound(to: UInt8.self), rules) { scanner throws(JSONFault) in
            try JSONValue(reading: &scanner)
        }
    }

    /// The value that a text is the text of.
    package init(parsing text: String, _ rules: JSONRules = .strict) throws(JSONFault) {
        self = try JSONScanner.scan(text, rules) { scanner throws(JSONFault) in try JSONValue(reading: &scanner) }
    }

    /// An object that leaves out the members without a value.
    package static func object(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .object(members.compactMap { name, value in value.map { Member(name, $0) } })
    }

    /// A string, or nothing.
    package static func optional(_ text: String?) -> JSONValue? { text.map { .string($0) } }

    /// A whole number, or nothing.
    package static func optional(_ number: Int?) -> JSONValue? { number.map { .integer(Int64($0)) } }

    /// A number, or nothing.
    package static func optional(_ number: Double?) -> JSONValue? { number.map { .double($0) } }

    /// A truth value, or nothing.
    package static func optional(_ flag: Bool?) -> JSONValue? { flag.map { .boolean($0) } }

    /// An array of strings, or nothing.
    package static func optional(_ texts: [String]?) -> JSONValue? { texts.map { .strings($0) } }

    /// A whole number.
    package static func whole(_ number: Int) -> JSONValue { .integer(Int64(number)) }

    /// An array of strings.
    package static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    /// Counts by name.
    package static func counts(_ counts: [String: Int]) -> JSONValue { .object(counts.map { Member($0.key, .whole($0.value)) }) }
}
