/// Why records cannot be checked. *Value.*
///
/// A record that cannot be read must end the check: left out, it could be the one too many.
package struct CheckError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of trouble. *Value.*
    package enum Code: Sendable, Equatable {
        /// A line or binary record that is none.
        case record
        /// Times that go further back than the slack allows.
        case order
        /// More of something than is kept in memory.
        case bound
        /// An option that makes no sense.
        case option
    }

    /// The kind of trouble.
    package let code: Code
    /// One sentence: what is wrong, where, and what would be right.
    package let message: String

    /// An error of that kind.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
