/// Why something is not the name of a scheduled queue. *Value*.
package struct QueueNameError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The rule that was broken.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// There is no domain.
        case emptyDomain
        /// A text with a separator too many, or with quotes that are not closed.
        case quoting
        /// A component holds a control character.
        case controlCharacter
        /// A component is longer than `QueueName.componentLimit` bytes, or the text longer than `QueueName.textLimit`.
        case tooLong
    }

    /// The component of an error that concerns the whole text.
    static let wholeName = "name"

    /// The rule that was broken.
    package let code: Code
    /// `campaign`, `tenant`, `domain` or `routing_domain`; `name` for all of it.
    package let component: String

    /// What is wrong.
    package var message: String {
        switch code {
        case .emptyDomain: "the queue name has no domain"
        case .quoting: "the \(component) of the queue name has a separator too many, or quotes that are not closed"
        case .controlCharacter: "the \(component) of the queue name contains a control character"
        case .tooLong where component == Self.wholeName: "the queue name is longer than \(QueueName.textLimit) bytes"
        case .tooLong: "the \(component) of the queue name is longer than \(QueueName.componentLimit) bytes"
        }
    }

    /// What to do about it.
    package var remedy: String {
        switch code {
        case .emptyDomain: "write campaign:tenant@domain!routing_domain; only the domain is required"
        case .quoting: "put a component with separators in quotes and end the name with '!!', as in \"a:b\":tenant@domain!!"
        case .controlCharacter: "remove control characters"
        case .tooLong: "use a shorter \(component)"
        }
    }

    package var description: String { "\(message); \(remedy)" }
}
