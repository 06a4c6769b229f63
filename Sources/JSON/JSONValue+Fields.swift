/// What a program expects of a value, or a fault that says where and what it found instead. Of a name that stands twice the first counts.
extension JSONValue {
    /// The text.
    package func asString() throws(JSONFault) -> String {
        guard case .string(let text) = self else { throw JSONFault(expected: "a string", found: kind) }
        return text
    }

    /// The truth value.
    package func asBoolean() throws(JSONFault) -> Bool {
        guard case .boolean(let flag) = self else { throw JSONFault(expected: "true or false", found: kind) }
        return flag
    }

    /// The whole number; one with a fraction of zero counts.
    package func asInteger() throws(JSONFault) -> Int {
        switch self {
        case .integer(let number): return Int(number)
        case .double(let number):
            guard let whole = Int(exactly: number) else { throw JSONFault(unusable: "it must be a whole number of 64 bits") }
            return whole
        case .null, .boolean, .string, .array, .object: throw JSONFault(expected: "a whole number", found: kind)
        }
    }

    /// The number.
    package func asDouble() throws(JSONFault) -> Double {
        switch self {
        case .integer(let number): return Double(number)
        case .double(let number): return number
        case .null, .boolean, .string, .array, .object: throw JSONFault(expected: "a number", found: kind)
        }
    }

    /// The elements of an array, each read by `element`.
    package func asArray<Element>(of element: (JSONValue) throws(JSONFault) -> Element) throws(JSONFault) -> [Element] {
        guard case .array(let values) = self else { throw JSONFault(expected: "an array", found: kind) }
        var elements: [Element] = []
        elements.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            do throws(JSONFault) { elements.append(try element(value)) } catch { throw error.inside(.element(index)) }
        }
        return elements
    }

    /// The elements of an array of strings.
    package func asStrings() throws(JSONFault) -> [String] {
        try asArray { value throws(JSONFault) in try value.asString() }
    }

    /// The members of an object, each read by `member`.
    package func asTable<Element>(of member: (JSONValue) throws(JSONFault) -> Element) throws(JSONFault) -> [String: Element] {
        var table: [String: Element] = [:]
        for entry in try members() where table[entry.name] == nil {
            do throws(JSONFault) { table[entry.name] = try member(entry.value) } catch { throw error.inside(.member(entry.name)) }
        }
        return table
    }

    /// The members of an object, in the order of the text.
    package func members() throws(JSONFault) -> [Member] {
        guard case .object(let members) = self else { throw JSONFault(expected: "an object", found: kind) }
        return members
    }

    /// The member of an object, `null` or not; nil when it has none of that name, or is no object.
    package subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// A member that must be there, read by `read`.
    package func required<Value>(_ name: String, _ read: (JSONValue) throws(JSONFault) -> Value) throws(JSONFault) -> Value {
        _ = try members()
        guard let value = self[name] else { throw JSONFault(.missing, "", path: [.member(name)]) }
        do throws(JSONFault) { return try read(value) } catch { throw error.inside(.member(name)) }
    }

    /// A member that may be absent or `null`, read by `read`.
    package func optional<Value>(_ name: String, _ read: (JSONValue) throws(JSONFault) -> Value) throws(JSONFault) -> Value? {
        _ = try members()
        guard let value = self[name], value != .null else { return nil }
        do throws(JSONFault) { return try read(value) } catch { throw error.inside(.member(name)) }
    }

    /// A member that must be a string.
    package func string(_ name: String) throws(JSONFault) -> String {
        try required(name) { value throws(JSONFault) in try value.asString() }
    }

    /// A member that may be a string.
    package func optionalString(_ name: String) throws(JSONFault) -> String? {
        try optional(name) { value throws(JSONFault) in try value.asString() }
    }

    /// A member that must be a whole number.
    package func integer(_ name: String) throws(JSONFault) -> Int {
        try required(name) { value throws(JSONFault) in try value.asInteger() }
    }

    /// A member that may be a whole number.
    package func optionalInteger(_ name: String) throws(JSONFault) -> Int? {
        try optional(name) { value throws(JSONFault) in try value.asInteger() }
    }

    /// A member that must be a number.
    package func double(_ name: String) throws(JSONFault) -> Double {
        try required(name) { value throws(JSONFault) in try value.asDouble() }
    }

    /// A member that must be true or false.
    package func boolean(_ name: String) throws(JSONFault) -> Bool {
        try required(name) { value throws(JSONFault) in try value.asBoolean() }
    }

    /// A member that may be true or false.
    package func optionalBoolean(_ name: String) throws(JSONFault) -> Bool? {
        try optional(name) { value throws(JSONFault) in try value.asBoolean() }
    }

    /// A member that may be an object of strings.
    package func optionalTexts(_ name: String) throws(JSONFault) -> [String: String]? {
        try optional(name) { value throws(JSONFault) in try value.asTable { value throws(JSONFault) in try value.asString() } }
    }

    /// A member that must be an array of strings.
    package func strings(_ name: String) throws(JSONFault) -> [String] {
        try required(name) { value throws(JSONFault) in try value.asStrings() }
    }

    /// A member that must be an object of whole numbers.
    package func counts(_ name: String) throws(JSONFault) -> [String: Int] {
        try required(name) { value throws(JSONFault) in try value.asTable { value throws(JSONFault) in try value.asInteger() } }
    }
}
