package import Message
package import Options
import Shaping

/// *Value*: mail handed in over HTTP, whatever form it came in: one message per recipient.
package struct Injection: Sendable {
    /// *Value*: one recipient and the whole message it gets.
    package struct Item: Sendable {
        /// Who gets it.
        package var recipient: EnvelopeAddress
        /// Header block and body.
        package var content: [UInt8]
        /// What is kept with the message.
        package var meta: [String: ConfigValue] = [:]

        /// One recipient and its message.
        package init(recipient: EnvelopeAddress, content: [UInt8], meta: [String: ConfigValue] = [:]) {
            self.recipient = recipient
            self.content = content
            self.meta = meta
        }
    }

    /// The reverse path of all messages.
    package var sender: EnvelopeAddress
    /// One per message.
    package var items: [Item]
    /// Bytes of the content as it came.
    package var contentBytes = 0
    /// Recipients that cannot be used, with the reason.
    package var failures: [(recipient: String, reason: String)] = []
    /// What is kept with the message.
    package var meta: [String: ConfigValue] = [:]
    /// Keep the messages in memory until their first failure.
    package var deferredSpool = false
    /// The headers put on top of each message.
    package var trace = TraceHeaders(received: false)

    /// Mail that is decoded and checked.
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
    /// The messages that were accepted.
    package var ids: [String] = []
    /// The recipients that were not, with the reason.
    package var failures: [(recipient: String, reason: String)] = []
    /// The node could not take anything for a reason of its own.
    package var unavailable: String?
}
