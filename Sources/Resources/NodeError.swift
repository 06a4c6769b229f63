import Glibc

/// *Value*: why a node cannot start or an operation was refused: one sentence with the remedy.
package struct NodeError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, and the remedy.
    package let message: String
    /// - Parameter message: one sentence.
    package init(_ message: String) { self.message = message }
    package var description: String { message }

    /// What the system says of the last failed call.
    package static var errnoText: String { String(cString: strerror(errno)) }
}
