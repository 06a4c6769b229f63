/// What is wrong with the sink's configuration or start.
///
/// *Value.*
package struct SinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// *Value.*
    package enum Code: Sendable, Equatable { case rule, address, record }

    /// The kind of trouble.
    package let code: Code
    /// What is wrong, and what would be right.
    package let message: String

    /// An error with its sentence.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
