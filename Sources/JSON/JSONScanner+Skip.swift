extension JSONScanner {
    /// Whether a text is exactly one value. Half surrogate pairs count as characters.
    package static func isValid(_ text: String) -> Bool {
        do throws(JSONFault) {
            try scan(text, JSONRules(loneSurrogate: .replaced)) { scanner throws(JSONFault) in try scanner.skip() }
            return true
        } catch {
            return false
        }
    }

    /// Reads any value and forgets it; it must be valid, but its numbers may be of any size.
    package mutating func skip() throws(JSONFault) {
        switch try kind() {
        case .object:
            try open(.object)
            skipSpace()
            if !take(UInt8(ascii: "}")) {
                repeat {
                    skipSpace()
                    guard next == UInt8(ascii: "\"") else { throw fault("a name in quotes was expected") }
                    _ = try passString()
                    skipSpace()
                    guard take(UInt8(ascii: ":")) else { throw fault("':' was expected") }
                    try skip()
                    skipSpace()
                } while take(UInt8(ascii: ","))
                guard take(UInt8(ascii: "}")) else { throw fault("',' or '}' was expected") }
            }
            level -= 1
        case .array: try array { scanner throws(JSONFault) in try scanner.skip() }
        case .string:
            try expect(.string)
            _ = try passString()
        case .number:
            try expect(.number)
            _ = try passNumber()
        case .boolean: _ = try boolean()
        case .null: try null()
        }
    }
}
