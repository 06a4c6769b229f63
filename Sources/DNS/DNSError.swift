/// Why a lookup has no answer, or a resolver could not be made. *Value.*
///
/// That a name or a record does not exist is an answer, see `DNSAnswer.status`, not an error.
package struct DNSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was.
    package enum Code: Sendable, Hashable {
        /// No answer in the time allowed.
        case timedOut
        /// The servers of the name failed, or refused.
        case serverFailure
        /// DNSSEC validation proved the answer false.
        case bogus
        /// Too many lookups wait already.
        case overloaded
        /// The caller cancelled.
        case cancelled
        /// The resolver is closed.
        case closed
        /// Not a domain name.
        case invalidName
        /// The resolver's configuration is unusable.
        case invalidConfiguration
        /// The system has no more threads, descriptors or memory.
        case resourcesExhausted
    }

    /// What kind of failure it was.
    package let code: Code
    /// What happened, in one sentence.
    package let message: String
    /// What the operator can do about it.
    package let remedy: String

    /// - Parameter message: one sentence that names what was asked.
    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(message) (\(remedy))" }
}
