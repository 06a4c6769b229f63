import Glibc

/// *Value*: why a node cannot start or an operation was refused: one sentence with the remedy.
package struct NodeError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }

    package static var errnoText: String { String(cString: strerror(errno)) }
}
