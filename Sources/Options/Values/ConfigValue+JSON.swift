package import JSON

/// The bridge between values of the configuration and JSON.
extension ConfigValue {
    /// The value of a JSON value. A number without a fraction is whole however it was written; of names that stand twice the first counts.
    package init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .boolean(let flag): self = .bool(flag)
        case .integer(let number): self = .integer(number)
        case .double(let number): self = Int64(exactly: number).map { .integer($0) } ?? .number(number)
        case .string(let text): self = .string(text)
        case .array(let values): self = .list(values.map { ConfigValue($0) })
        case .object(let members):
            self = .table(Dictionary(members.map { ($0.name, ConfigValue($0.value)) }, uniquingKeysWith: { first, _ in first }))
        }
    }

    /// The value of a JSON text, such as metadata; `nil` when it is none.
    package init?(json text: String) {
        do throws(JSONFault) { self.init(try JSONValue(parsing: text, .api)) } catch { return nil }
    }

    /// The value as JSON, names sorted. A number that is not finite becomes `null`.
    package var jsonText: String {
        var writer = JSONWriter(.policy)
        write(to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let flag): writer.boolean(flag)
        case .integer(let number): writer.integer(number)
        case .number(let number): writer.double(number)
        case .string(let text): writer.string(text)
        case .list(let values):
            writer.openArray()
            for value in values { value.write(to: &writer) }
            writer.closeArray()
        case .table(let values):
            writer.openObject()
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                writer.name(name)
                value.write(to: &writer)
            }
            writer.closeObject()
        }
    }
}

/// JSON as policies see it: bounded in depth, numbers as they are written, and of names that stand twice the last one counts, as in Lua.
extension ConfigValue {
    /// Values within each other in either direction.
    private static let policyDepth = 65

    /// Reads exactly one value. Half a surrogate pair becomes U+FFFD, an integer beyond 64 bits a number.
    package init(parsing text: String) throws(JSONFault) {
        let rules = JSONRules(depth: Self.policyDepth, loneSurrogate: .replaced)
        self = try JSONScanner.scan(text, rules) { scanner throws(JSONFault) in try ConfigValue(reading: &scanner) }
    }

    /// Reads exactly one value, UTF-8 as it must be.
    package init(parsing bytes: [UInt8]) throws(JSONFault) {
        let rules = JSONRules(depth: Self.policyDepth, loneSurrogate: .replaced)
        self = try JSONScanner.scan(bytes[...], rules) { scanner throws(JSONFault) in try ConfigValue(reading: &scanner) }
    }

    private init(reading scanner: inout JSONScanner) throws(JSONFault) {
        switch try scanner.kind() {
        case .null:
            try scanner.null()
            self = .null
        case .boolean: self = .bool(try scanner.boolean())
        case .number:
            switch try scanner.number() {
            case .integer(let number): self = .integer(number)
            case .double(let number): self = .number(number)
            }
        case .string: self = .string(try scanner.string())
        case .array:
            var values: [ConfigValue] = []
            try scanner.array { scanner throws(JSONFault) in values.append(try ConfigValue(reading: &scanner)) }
            self = .list(values)
        case .object:
            var values: [String: ConfigValue] = [:]
            try scanner.object { name, scanner throws(JSONFault) in values[name] = try ConfigValue(reading: &scanner) }
            self = .table(values)
        }
    }

    /// UTF-8 text with sorted names. Throws for what JSON does not have: NaN and infinity, and for too deep nesting.
    /// - Parameter pretty: one value per line.
    package func json(pretty: Bool = false) throws(JSONFault) -> [UInt8] {
        try checkWritable(level: 1)
        var writer = JSONWriter(.policy, pretty: pretty)
        write(to: &writer)
        return writer.bytes
    }

    private func checkWritable(level: Int) throws(JSONFault) {
        guard level <= Self.policyDepth else { throw JSONFault(unusable: "nested too deeply") }
        switch self {
        case .number(let number):
            guard number.isFinite else { throw JSONFault(unusable: "JSON has no NaN and no infinity") }
        case .list(let values): for value in values { try value.checkWritable(level: level + 1) }
        case .table(let values): for value in values.values { try value.checkWritable(level: level + 1) }
        case .null, .bool, .integer, .string: break
        }
    }
}
