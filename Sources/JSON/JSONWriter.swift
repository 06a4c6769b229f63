/// Writes values one after the other and sets the commas between them. *State machine*, without knowledge of the shape: the caller opens
/// and closes objects and arrays.
package struct JSONWriter {
    /// What was written.
    package private(set) var bytes: [UInt8] = []
    private let style: JSONStyle
    private let isPretty: Bool
    /// Whether the next value or name has one before it.
    private var follows = false
    /// Whether the next value belongs to a name.
    private var isNamed = false
    private var level = 0

    /// - Parameter pretty: one value per line, indented by two blanks.
    package init(_ style: JSONStyle, pretty: Bool = false) {
        self.style = style
        isPretty = pretty
    }

    /// Opens an object.
    package mutating func openObject() { open(UInt8(ascii: "{")) }
    /// Closes the object.
    package mutating func closeObject() { close(UInt8(ascii: "}")) }
    /// Opens an array.
    package mutating func openArray() { open(UInt8(ascii: "[")) }
    /// Closes the array.
    package mutating func closeArray() { close(UInt8(ascii: "]")) }

    /// The name of the next value.
    package mutating func name(_ name: String) {
        separate()
        JSONText.append(string: name, style: style, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        if isPretty { bytes.append(UInt8(ascii: " ")) }
        isNamed = true
    }

    /// A string.
    package mutating func string(_ text: String) {
        separate()
        JSONText.append(string: text, style: style, to: &bytes)
    }

    /// A whole number.
    package mutating func integer(_ number: Int64) { word(String(number)) }

    /// A number; JSON has none that is not finite, so those become `null`.
    package mutating func double(_ number: Double) {
        guard number.isFinite else { return null() }
        let text = number.description
        word(!style.keepsPoint && text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    }

    /// `true` or `false`.
    package mutating func boolean(_ flag: Bool) { word(flag ? "true" : "false") }

    /// `null`.
    package mutating func null() { word("null") }

    /// Any value; the names of objects are sorted by their bytes.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .boolean(let flag): boolean(flag)
        case .integer(let number): integer(number)
        case .double(let number): double(number)
        case .string(let text): string(text)
        case .array(let values):
            openArray()
            for value in values { self.value(value) }
            closeArray()
        case .object(let members):
            openObject()
            for member in members.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
                name(member.name)
                self.value(member.value)
            }
            closeObject()
        }
    }

    private mutating func word(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        level += 1
        follows = false
    }

    private mutating func close(_ bracket: UInt8) {
        level -= 1
        if follows { breakLine() }
        bytes.append(bracket)
        follows = true
    }

    private mutating func separate() {
        if isNamed {
            isNamed = false
        } else {
            if follows { bytes.append(UInt8(ascii: ",")) }
            if level > 0 { breakLine() }
        }
        follows = true
    }

    private mutating func breakLine() {
        guard isPretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: level * 2))
    }
}

extension JSONValue {
    /// The text of the value.
    package func bytes(_ style: JSONStyle) -> [UInt8] {
        var writer = JSONWriter(style)
        writer.value(self)
        return writer.bytes
    }
}
