import Hummingbird
import Message

/// *Value*: what `explain` is asked about.
enum ExplainQuestion: Sendable, Equatable {
    case queue(String)
    case path(String)
    case message(MessageID)

    init(_ query: Parameters) throws {
        let given = ["queue", "path", "id"].compactMap { key in query[Substring(key)].map { (key, String($0)) } }
        guard given.count == 1, let (key, text) = given.first, !text.isEmpty, text.utf8.count <= 2 * QueueName.textLimit else {
            throw HTTPError(.badRequest, message: "ask about one thing: ?queue=NAME, ?path=source->site@smtp_client or ?id=MESSAGE_ID")
        }
        switch key {
        case "queue": self = .queue(text)
        case "path": self = .path(text)
        default:
            guard let id = MessageID(hex: text) else {
                throw HTTPError(
                    .badRequest, message: "'\(text.prefix(100))' is no message id; an id has 32 hexadecimal digits, as the logs show it")
            }
            self = .message(id)
        }
    }

    var subject: String {
        switch self {
        case .queue(let name): "queue \(name)"
        case .path(let name): "path \(name)"
        case .message(let id): "message \(id.hex)"
        }
    }

    /// Name and value in a query.
    var query: (key: String, value: String) {
        switch self {
        case .queue(let name): ("queue", name)
        case .path(let name): ("path", name)
        case .message(let id): ("id", id.hex)
        }
    }
}
