/// Why something is not the name of a scheduled queue. *Value*.
package struct QueueNameError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The rule that was broken.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// There is no domain.
        case emptyDomain
        /// A component holds a separator that could not be told apart when the name is read back.
        case separator
        /// A component holds a control character.
        case controlCharacter
        /// A component is longer than `QueueName.componentLimit` bytes.
        case tooLong
    }

    /// The rule that was broken.
    package let code: Code
    /// `campaign`, `tenant`, `domain` or `routing_domain`.
    package let component: String

    /// What is wrong.
    package var message: String {
        switch code {
        case .emptyDomain: "queue name has no domain"
        case .separator: "\(component) of a queue name contains a separator"
        case .controlCharacter: "\(component) of a queue name contains a control character"
        case .tooLong: "\(component) of a queue name is longer than \(QueueName.componentLimit) bytes"
        }
    }

    /// What to do about it.
    package var remedy: String {
        switch code {
        case .emptyDomain: "write campaign:tenant@domain!routing_domain; only the domain is required"
        case .separator: component == "campaign" ? "use a campaign without ':'" : "use a \(component) without '@' and '!'"
        case .controlCharacter: "remove control characters"
        case .tooLong: "use a shorter \(component)"
        }
    }

    package var description: String { "\(message); \(remedy)" }
}
