import Foundation

@testable import API
@testable import Node

/// Bodies of injections as the routes decode them. A namespace.
enum JSONDecoderOf {
    /// `POST /api/inject/v1` with raw content for one recipient.
    static func raw(_ content: String, to recipient: String = "u@example.com") throws -> V1Injection {
        let body: [String: Any] = ["envelope_sender": "a@x.test", "recipients": [["email": recipient]], "content": content]
        return try JSONDecoder().decode(V1Injection.self, from: JSONSerialization.data(withJSONObject: body))
    }

    /// `POST /api/inject`.
    static func short(_ text: String) throws -> ShortInjection { try JSONDecoder().decode(ShortInjection.self, from: Data(text.utf8)) }
}
