package import Message
package import Platform
package import Spool

/// *Shared*: what never changes about a message in the queue: one object for its whole stay in memory, whoever holds the message.
package final class MessageEnvelope: Sendable {
    /// The message id.
    package let id: MessageID
    /// Where the spool keeps the message.
    package let handle: SpoolHandle
    /// The reverse path.
    package let sender: EnvelopeAddress
    /// Reception time, Unix nanoseconds; for records. Ages are counted from `received`.
    package let created: Int64
    /// When it was received by the steady clock.
    package let received: MonotonicInstant
    /// Expiry as Unix nanoseconds; 0 = by the queue's `max_age`.
    package let expires: Int64
    /// Size of headers and body together, bytes.
    package let size: Int

    /// - Parameters:
    ///   - created: Unix nanoseconds.
    ///   - expires: Unix nanoseconds; 0 when the queue's `max_age` decides.
    package init(
        id: MessageID, handle: SpoolHandle, sender: EnvelopeAddress, created: Int64, received: MonotonicInstant, expires: Int64, size: Int
    ) {
        self.id = id
        self.handle = handle
        self.sender = sender
        self.created = created
        self.received = received
        self.expires = expires
        self.size = size
    }

    /// How long the message was given when it came, if it was given a time of its own.
    var ownLife: Duration? { expires == 0 ? nil : WallInstant(unixNanoseconds: expires) - WallInstant(unixNanoseconds: created) }
}
