import Message

extension QueueName {
    /// A name that does not parse (earlier versions took any text of a policy) is a domain of its own: its messages fail visibly.
    package init(fallback text: String) {
        self = (try? QueueName(domain: text)) ?? .unroutable
    }

    private static let unroutable: QueueName = {
        guard let name = try? QueueName(domain: "invalid.invalid") else { preconditionFailure("a plain domain is a queue name") }
        return name
    }()
}
