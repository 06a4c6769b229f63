package import Message
package import Shaping

/// *Value*: mail handed in over HTTP, whatever form it came in: one message per recipient.
package struct Injection: Sendable {
    /// *Value*: one recipient and the whole message it gets.
    package struct Item: Sendable {
        package var recipient: EnvelopeAddress
        package var content: [UInt8]
        package var meta: [String: ConfigValue] = [:]

        package init(recipient: EnvelopeAddress, content: [UInt8], meta: [String: ConfigValue] = [:]) {
            self.recipient = recipient
            self.content = content
            self.meta = meta
        }
    }

    package var sender: EnvelopeAddress
    package var items: [Item]
    package var contentBytes = 0
    /// Recipients that cannot be used, with the reason.
    package var failures: [(recipient: String, reason: String)] = []
    package var meta: [String: ConfigValue] = [:]
    /// Keep the messages in memory until their first failure.
    package var deferredSpool = false
    package var trace = TraceHeaders(received: false)

    package init(
        sender: EnvelopeAddress, items: [Item], meta: [String: ConfigValue] = [:], deferredSpool: Bool = false,
        trace: TraceHeaders = TraceHeaders(received: false)
    ) {
        self.sender = sender
        self.items = items
        self.meta = meta
        self.deferredSpool = deferredSpool
        self.trace = trace
    }
}

/// *Value*: what became of an injection.
package struct InjectionResult: Sendable {
    package var ids: [String] = []
    package var failures: [(recipient: String, reason: String)] = []
    /// The node could not take anything for a reason of its own.
    package var unavailable: String?
}
