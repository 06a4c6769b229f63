/// What can go wrong in the cluster's own code. *Value.*
///
/// The message names the file, the entry or the option; it never holds a payload or a credential.
package struct ClusterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of thing failed.
    package enum Code: Sendable, Hashable {
        /// An entry, a name or an option outside its bounds.
        case invalid
        /// As many entries as there may be.
        case full
        /// A file that cannot be read or written.
        case unusable
        /// A file whose content is not what was written.
        case damaged
    }

    /// What kind of thing failed.
    package let code: Code
    /// What happened, in one sentence.
    package let message: String
    /// What the operator can do about it.
    package let remedy: String

    /// An error with its sentence and its remedy.
    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    /// Both, as one line.
    package var description: String { "\(message) (\(remedy))" }
}

/// The name under which the control plane throws it.
package typealias ControlError = ClusterError
