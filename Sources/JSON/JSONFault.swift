/// Why a text is not the JSON that was wanted, and where. *Value.*
///
/// The path is collected while the error travels outwards, so reading what is right costs nothing for it. No value of the text is quoted.
package struct JSONFault: Error, Sendable, Equatable {
    /// One step of the way from the outermost value.
    package enum Step: Sendable, Equatable {
        /// Into an object.
        case member(String)
        /// Into an array, counted from 0.
        case element(Int)
    }

    /// Where in the text.
    package struct Place: Sendable, Equatable {
        /// Bytes before it.
        package var offset: Int
        /// Counted from 1.
        package var line: Int
        /// In bytes, counted from 1.
        package var column: Int

        /// A place in a text.
        package init(offset: Int, line: Int, column: Int) {
            self.offset = offset
            self.line = line
            self.column = column
        }
    }

    /// What is wrong.
    package enum Cause: Sendable, Equatable {
        /// It is not JSON.
        case syntax
        /// A number is beyond what a `Double` holds.
        case range
        /// A member that must be there is not.
        case missing
        /// A value is of another kind.
        case kind
        /// A value cannot be used.
        case value
    }

    /// What kind of mistake it is.
    package let cause: Cause
    /// In words, without the place.
    package let message: String
    /// Absent when a value was read and does not fit.
    package let place: Place?
    /// From the outermost value.
    package private(set) var path: [Step]

    init(_ cause: Cause, _ message: String, place: Place? = nil, path: [Step] = []) {
        self.cause = cause
        self.message = message
        self.place = place
        self.path = path
    }

    /// A value that is of the right kind but cannot be used.
    /// - Parameter message: what is wrong with it, to follow its path and a colon.
    package init(unusable message: String) { self.init(.value, message) }

    /// A value of the wrong kind.
    package init(expected: String, found: JSONKind) { self.init(.kind, "it must be \(expected), not \(found.words)") }

    /// The same fault, seen from the value around it.
    package func inside(_ step: Step) -> JSONFault {
        var outer = self
        outer.path.insert(step, at: 0)
        return outer
    }

    /// `recipients[2].email`; empty for the outermost value.
    package var pathText: String {
        var text = ""
        for step in path {
            switch step {
            case .element(let index): text += "[\(index)]"
            case .member(let name): text += (text.isEmpty ? "" : ".") + Self.shown(name)
            }
        }
        return text
    }

    /// At most 100 characters on one line.
    private static func shown(_ name: String) -> String {
        String(name.prefix(100).map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f } ? " " : $0 })
    }
}

extension JSONFault: CustomStringConvertible {
    /// One sentence.
    package var description: String { sentence(about: "the text") }

    /// The fault in one sentence that says what is wrong, where, and what is right.
    /// - Parameter subject: what was read, such as "the body".
    package func sentence(about subject: String) -> String {
        let path = pathText
        let field = path.isEmpty ? subject : "the field '\(path)'"
        switch cause {
        case .missing: return "\(field) is missing"
        case .kind: return "\(field) has the wrong type: \(message)"
        case .value: return path.isEmpty ? message : "\(path): \(message)"
        case .range: return "\(field) has a number that is too large" + at
        case .syntax: return "\(subject) is not valid JSON: \(message)" + (path.isEmpty ? "" : " in '\(path)'") + at
        }
    }

    private var at: String { place.map { " at line \($0.line), column \($0.column)" } ?? "" }
}
