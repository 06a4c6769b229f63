import Control
package import Hummingbird
import Message

extension ExplainQuestion {
    /// The question that a query asks.
    package init(_ query: Parameters) throws {
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
                    .badRequest, message: "'\(text.prefix(100))' is not a message id; an id has 32 hexadecimal digits, as the logs show it")
            }
            self = .message(id)
        }
    }
}
