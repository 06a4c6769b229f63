package import Message

/// *Value*: what `explain` is asked about.
package enum ExplainQuestion: Sendable, Equatable {
    case queue(String)
    case path(String)
    case message(MessageID)

    /// What is asked about, in words.
    package var subject: String {
        switch self {
        case .queue(let name): "queue \(name)"
        case .path(let name): "path \(name)"
        case .message(let id): "message \(id.hex)"
        }
    }

    /// Name and value in a query.
    package var query: (key: String, value: String) {
        switch self {
        case .queue(let name): ("queue", name)
        case .path(let name): ("path", name)
        case .message(let id): ("id", id.hex)
        }
    }
}
