import Glibc

/// *Value*: why a thread, or what it waits on, could not be made.
package struct ThreadShortage: Error, Sendable, Equatable, CustomStringConvertible {
    /// What could not be done, and what the system said.
    package let message: String
    /// What an operator can do.
    package let remedy: String

    init(_ what: String, _ code: Int32, remedy: String) {
        message = "\(what): \(String(cString: strerror(code)))"
        self.remedy = remedy
    }

    package var description: String { "\(message); \(remedy)" }
}
