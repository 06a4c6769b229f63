import Cluster
package import Message
package import Platform
import Shaping
package import Spool

/// *Value*: a message whose envelope is in memory: just received, waiting with its content, or on its way out.
///
/// Deferred messages are not values of this kind; they are entries of a `DueHeap`. What never changes is shared by reference, the rest moves
/// with the message: one part of the node holds it at a time.
package struct QueuedMessage: Sendable {
    /// What never changes.
    package let envelope: MessageEnvelope
    /// The recipients that are still to be delivered.
    package var recipients: [EnvelopeAddress]
    /// Meta values as JSON texts, as the spool keeps them.
    package var meta: [(key: String, value: String)]
    /// Attempts so far.
    package var attempts: Int
    /// Header block and body; `nil` when they are only on disk.
    package var content: MessageContent?
    /// The queue that owns the message between attempts.
    package var queue: QueueGate
    /// The queue it came from, when `queue` is an isolation group.
    package var origin: GroupOrigin?
    /// How often in a row the message came back to its queue without an attempt.
    var idleReturns = 0
    /// Up to when the rebinds that mean the message have been applied to it.
    var reboundUntil = MonotonicInstant.distantPast
    /// Some recipients are done: what is left is known for certain only here until the spool's update is committed, so the message stays
    /// in memory.
    var isReduced = false
    /// The spool's meta of this message names the recipients that are left (`StoredRecipients`).
    var hasStoredRecipients = false
    /// The last negative reply, as the spool keeps it.
    package var lastReply = ""

    /// A message that has not been tried, or as the spool kept it.
    package init(
        _ envelope: MessageEnvelope, recipients: [EnvelopeAddress], meta: [(key: String, value: String)], attempts: Int = 0,
        content: MessageContent?, queue: QueueGate
    ) {
        self.envelope = envelope
        self.recipients = recipients
        self.meta = meta
        self.attempts = attempts
        self.content = content
        self.queue = queue
    }

    /// The message id.
    package var id: MessageID { envelope.id }
    /// Where the spool keeps it.
    package var handle: SpoolHandle { envelope.handle }
    /// The reverse path.
    package var sender: EnvelopeAddress { envelope.sender }
    /// When it was received, by the steady clock.
    package var received: MonotonicInstant { envelope.received }

    /// Whether a rule about the queue it came from holds the message.
    func isHeldByOrigin(_ control: ControlState) -> Bool { origin?.current(control).isHolding == true }

    /// The entry of a heap for this message.
    func entry(due: MonotonicInstant) -> DueEntry {
        DueEntry(due: due, handle: handle.raw, received: received, attempts: attempts)
    }

    /// The pause before the message, which came back without an attempt, is due again. The first times there is none: a connection ended
    /// beside it, or a rule moved it. What keeps coming back would else keep its loops busy.
    mutating func nextIdlePause() -> Duration {
        idleReturns += 1
        return idleReturns <= 8 ? .zero : min(.milliseconds(10 << min(idleReturns - 9, 10)), .seconds(10))
    }
}
