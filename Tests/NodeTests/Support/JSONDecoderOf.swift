import JSON

@testable import API
@testable import Node

/// Bodies of injections as the routes decode them. A namespace.
enum JSONDecoderOf {
    /// `POST /api/inject/v1` with raw content for one recipient.
    static func raw(_ content: String, to recipient: String = "u@example.com") throws -> V1Injection {
        try V1Injection(
            json: .object([
                "envelope_sender": .string("a@x.test"), "recipients": .array([.object(["email": .string(recipient)])]),
                "content": .string(content),
            ]))
    }

    /// `POST /api/inject`.
    static func short(_ text: String) throws -> ShortInjection { try ShortInjection(json: try JSONValue(parsing: text, .api)) }
}
