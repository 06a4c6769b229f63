/// Reads one JSON text (RFC 8259) value by value. *State machine*: one pass, depth bounded by its rules, all else by the text.
///
/// The caller asks for what it wants and gets that or a fault; nothing is built that was not asked for. The bytes are those of the caller
/// and must outlive the scanner, which is why `scan` lends it to a closure. Every access is within bounds that are checked here.
package struct JSONScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    let rules: JSONRules
    var position = 0
    /// Values that are open.
    var level = 0

    /// A text without an end, such as a number of a megabyte of digits, is not worth the time it takes.
    static let numberLimit = 1024

    /// Lends a scanner for a text that is exactly one value; `body` must read that value.
    package static func scan<Value>(
        _ bytes: UnsafeBufferPointer<UInt8>, _ rules: JSONRules,
        _ body: (inout JSONScanner) throws(JSONFault) -> Value
    ) throws(JSONFault) -> Value {
        var scanner = JSONScanner(bytes: bytes, rules: rules)
        let value = try body(&scanner)
        scanner.skipSpace()
        guard scanner.position == bytes.count else { throw scanner.fault("there is text after the value") }
        return value
    }

    /// Lends a scanner for a text in a part of an array.
    package static func scan<Value>(
        _ bytes: ArraySlice<UInt8>, _ rules: JSONRules, _ body: (inout JSONScanner) throws(JSONFault) -> Value
    ) throws(JSONFault) -> Value {
        try bytes.withUnsafeBufferPointer { buffer throws(JSONFault) in try scan(buffer, rules, body) }
    }

    /// Lends a scanner for the text of a string.
    package static func scan<Value>(
        _ text: String, _ rules: JSONRules, _ body: (inout JSONScanner) throws(JSONFault) -> Value
    ) throws(JSONFault) -> Value {
        var text = text
        let result: Result<Value, JSONFault> = text.withUTF8 { buffer in
            do throws(JSONFault) { return .success(try scan(buffer, rules, body)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, rules: JSONRules) {
        self.bytes = bytes
        self.rules = rules
        if rules.allowsByteOrderMark, bytes.count >= 3, bytes[0] == 0xef, bytes[1] == 0xbb, bytes[2] == 0xbf { position = 3 }
    }

    // MARK: Values

    /// The kind of the next value, which is not consumed.
    package mutating func kind() throws(JSONFault) -> JSONKind {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"): return .number
        case .some(0x30...0x39): return .number
        case nil: throw fault("the text ends where a value was expected")
        case .some: throw fault("a value was expected")
        }
    }

    /// Reads an object: `member` is called with each name, in order and as often as it stands there, and must read the value.
    package mutating func object(_ member: (String, inout JSONScanner) throws(JSONFault) -> Void) throws(JSONFault) {
        try open(.object)
        skipSpace()
        if !take(UInt8(ascii: "}")) {
            repeat {
                skipSpace()
                guard next == UInt8(ascii: "\"") else { throw fault("a name in quotes was expected") }
                let name = try text()
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw fault("':' was expected") }
                do throws(JSONFault) { try member(name, &self) } catch { throw error.inside(.member(name)) }
                skipSpace()
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "}")) else { throw fault("',' or '}' was expected") }
        }
        level -= 1
    }

    /// Reads an array: `element` is called for each value and must read it.
    package mutating func array(_ element: (inout JSONScanner) throws(JSONFault) -> Void) throws(JSONFault) {
        try open(.array)
        skipSpace()
        if !take(UInt8(ascii: "]")) {
            var index = 0
            repeat {
                do throws(JSONFault) { try element(&self) } catch { throw error.inside(.element(index)) }
                index += 1
                skipSpace()
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "]")) else { throw fault("',' or ']' was expected") }
        }
        level -= 1
    }

    /// Reads a string.
    package mutating func string() throws(JSONFault) -> String {
        try expect(.string)
        return try text()
    }

    /// Reads `true` or `false`.
    package mutating func boolean() throws(JSONFault) -> Bool {
        try expect(.boolean)
        let isTrue = next == UInt8(ascii: "t")
        try word(isTrue ? "true" : "false")
        return isTrue
    }

    /// Reads `null`.
    package mutating func null() throws(JSONFault) {
        try expect(.null)
        try word("null")
    }

    // MARK: Parts

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    /// Makes sure that the next value is of a kind and not too deep.
    mutating func expect(_ expected: JSONKind) throws(JSONFault) {
        let found = try kind()
        guard found == expected else { throw JSONFault(.kind, "it must be \(expected.words), not \(found.words)", place: place) }
        guard level < rules.depth else { throw fault("values are nested too deeply, in more than \(rules.depth) levels") }
    }

    mutating func open(_ kind: JSONKind) throws(JSONFault) {
        try expect(kind)
        position += 1
        level += 1
    }

    private mutating func word(_ word: StaticString) throws(JSONFault) {
        let isThere = word.withUTF8Buffer { expected in
            bytes.count - position >= expected.count && expected.indices.allSatisfy { bytes[position + $0] == expected[$0] }
        }
        guard isThere else { throw fault("a value was expected") }
        position += word.utf8CodeUnitCount
    }

    /// A fault of the grammar where the scanner is.
    package func fault(_ message: String) -> JSONFault { JSONFault(.syntax, message, place: place) }

    /// Where the scanner is; counted only when somebody asks.
    var place: JSONFault.Place {
        var line = 1
        var start = 0
        for index in 0..<min(position, bytes.count) where bytes[index] == 0x0a {
            line += 1
            start = index + 1
        }
        return JSONFault.Place(offset: position, line: line, column: position - start + 1)
    }
}
