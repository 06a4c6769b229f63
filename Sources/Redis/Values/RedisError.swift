/// What is wrong with the configuration of a client. *Value.* It never holds a password.
package struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of mistake it is.
    package enum Code: Sendable, Hashable {
        /// The URL, or a part of it, is not of an accepted form.
        case invalidURL
        /// TLS was asked for.
        case noTLS
        /// The parts do not fit together.
        case contradiction
        /// An option is out of its range.
        case invalidOption
    }

    /// What kind of error it is.
    package let code: Code
    /// What is wrong, in one sentence that names the part.
    package let message: String
    /// The accepted form, or what to do.
    package let remedy: String

    /// An error with its sentence and what to do.
    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(message) (\(remedy))" }
}
