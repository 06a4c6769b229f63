/// Why the spool could not do what was asked. *value*.
///
/// `message` names files and numbers, never message content. `remedy` is a sentence for the operator.
package struct SpoolError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is; callers switch over it.
    package enum Code: String, Sendable, Equatable {
        /// The backlog of unwritten bytes is at its bound. Transient: answer 452.
        case overloaded
        /// The volume has no room (or is under its floor). Transient: answer 452.
        case full
        /// The directory is not where it was. Transient: answer 451.
        case missing
        /// The volume failed; this process never writes to it again.
        case fenced
        /// Another process owns the directory.
        case locked
        /// The directory belongs to another node or to something that is no spool.
        case foreign
        /// The directory cannot be created, opened or written.
        case unwritable
        /// A record does not verify.
        case corrupt
        /// The handle names no live message.
        case gone
        /// A header block, envelope or chunk is larger than a segment can hold.
        case tooLarge
        /// The draft refers to a body that is not there or not complete.
        case invalid
        /// The spool was closed.
        case closed
        /// A read failed with an I/O error.
        case io
    }

    /// What kind of failure it was.
    package let code: Code
    /// What failed, naming the path.
    package let message: String
    /// What the operator can do; may be empty.
    package let remedy: String
    /// What is wrong without the path, for those who are not to see it.
    package let detail: String

    /// - Parameter detail: what is short, for a reply to a client; the message when nil.
    package init(_ code: Code, _ message: String, remedy: String = "", detail: String? = nil) {
        self.detail = detail ?? message
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String {
        remedy.isEmpty ? "spool \(code.rawValue): \(message)" : "spool \(code.rawValue): \(message). \(remedy)"
    }

    static let closed = SpoolError(.closed, "the spool is closed")
    static func gone(_ handle: SpoolHandle) -> SpoolError { SpoolError(.gone, "no live message behind handle \(handle.raw)") }
}
