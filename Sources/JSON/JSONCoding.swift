/// What can be written as JSON.
package protocol JSONEncodable {
    /// The value to write.
    var json: JSONValue { get }
}

/// What can be read from JSON.
package protocol JSONDecodable {
    /// Reads the value, or says which member is missing or of another type.
    init(json: JSONValue) throws(JSONFault)
}

extension Array: JSONEncodable where Element: JSONEncodable {
    /// The elements, in order.
    package var json: JSONValue { .array(map(\.json)) }
}

extension Array: JSONDecodable where Element: JSONDecodable {
    /// Reads an array.
    package init(json: JSONValue) throws(JSONFault) {
        self = try json.asArray { value throws(JSONFault) in try Element(json: value) }
    }
}
