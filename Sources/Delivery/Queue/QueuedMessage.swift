package import Message
package import NIOCore
package import Platform
import Shaping
package import Spool

/// *Loop-confined, handed over*: a message whose envelope is in memory: just received, ready, or held by a connection.
///
/// Deferred messages are not objects; they are entries of a `DueHeap`. A queued message is owned by exactly one loop at a time, and
/// changes its owner only through a `Mailbox`; that is why it may cross loops.
package final class QueuedMessage: @unchecked Sendable {
    /// The message id.
    package let id: MessageID
    /// Where the spool keeps it; `nil` until it was appended.
    package var handle: SpoolHandle?
    /// The reverse path.
    package let sender: EnvelopeAddress
    /// The recipients that are still to be delivered.
    package var recipients: [EnvelopeAddress]
    /// Meta values as JSON texts, as the spool keeps them.
    package var meta: [(key: String, value: String)]
    /// Reception time, Unix nanoseconds; for records. Ages are counted from `received`.
    package let created: Int64
    /// When it was received by the steady clock.
    package let received: MonotonicInstant
    /// Attempts so far.
    package var attempts: Int
    /// Expiry as Unix nanoseconds; 0 = by the queue's `max_age`.
    package let expires: Int64
    /// Header block and body; `nil` when they are only on disk.
    package var content: MessageContent?
    /// Size of headers and body together.
    package let size: Int
    /// The queue that owns the message between attempts.
    package var queue: ScheduledQueue
    /// The queue it came from, when `queue` is an isolation group.
    package var origin: GroupOrigin?
    /// When the message expires; `.distantFuture` when that is not known yet. Set by the queue when it hands the message out.
    var expiry = MonotonicInstant.distantFuture
    /// How often in a row the message came back to its queue without an attempt.
    var idleReturns = 0
    /// Up to when the rebinds that mean the message have been applied to it.
    var reboundUntil = MonotonicInstant.distantPast
    /// Monotonic time at which the message entered its ready queue.
    package var readySince: Int64 = 0
    /// Some recipients are done: what is left is known for certain only here until the spool's update is committed, so the message stays
    /// in memory.
    var isReduced = false
    /// The spool's meta of this message names the recipients that are left (`StoredRecipients`).
    var hasStoredRecipients = false
    /// The last negative reply, as the spool keeps it.
    package var lastReply = ""
    /// How often it went on to the next host of the same connection (`try_next_host_on_transport_error`).
    var nextHostTries = 0
    /// The rate of its queue, while the message is out; nil without one.
    package var rate: QueueRate?
    /// What this attempt has meant so far, when its recipients need several transactions.
    package var results: [AttemptOutcome.Recipient] = []

    package init(
        id: MessageID, handle: SpoolHandle?, sender: EnvelopeAddress, recipients: [EnvelopeAddress],
        meta: [(key: String, value: String)], created: Int64, attempts: Int, expires: Int64,
        content: MessageContent?, size: Int, queue: ScheduledQueue, received: MonotonicInstant? = nil
    ) {
        self.id = id
        self.handle = handle
        self.sender = sender
        self.recipients = recipients
        self.meta = meta
        self.created = created
        self.received = received ?? queue.services.clocks.now
        self.attempts = attempts
        self.expires = expires
        self.content = content
        self.size = size
        self.queue = queue
    }

    /// How long the message was given when it came, if it was given a time of its own.
    var ownLife: Duration? { expires == 0 ? nil : WallInstant(unixNanoseconds: expires) - WallInstant(unixNanoseconds: created) }

    /// The pause before the message, which came back without an attempt, is due again. The first times there is none: a connection ended
    /// beside it, or a rule moved it. What keeps coming back would else keep its loops busy.
    func nextIdlePause() -> Duration {
        idleReturns += 1
        return idleReturns <= 8 ? .zero : min(.milliseconds(10 << min(idleReturns - 9, 10)), .seconds(10))
    }

    /// Orders the recipients so that those with a result come first, as `results` counts them.
    func moveAttemptedFirst() {
        let attempted = results.map(\.address)
        let done = Set(attempted)
        recipients = attempted + recipients.filter { !done.contains($0) }
    }
}

/// *Value*: the bytes of a message.
package struct MessageContent: Sendable {
    /// Header block including its empty line.
    package let headers: ByteBuffer
    /// The body as the spool holds it.
    package var body: SpoolBody
    /// Length of the body in bytes.
    package var bodyLength: Int
    /// Whether headers or body hold bytes above 127.
    package var is8bit: Bool
    /// Whether the headers are in UTF-8: they need SMTPUTF8 (RFC 6531), whatever the body is. Other bytes above 127 are an older
    /// character set, which SMTPUTF8 does not make right. Looked up once.
    package let headersNeedUTF8: Bool

    package init(headers: ByteBuffer, body: SpoolBody, bodyLength: Int, is8bit: Bool) {
        self.headers = headers
        self.body = body
        self.bodyLength = bodyLength
        let areHeaders8bit = headers.has8bit
        headersNeedUTF8 = areHeaders8bit && String(validating: headers.readableBytesView, as: UTF8.self) != nil
        self.is8bit = is8bit || areHeaders8bit
    }

    /// Bytes this content keeps in memory.
    package var residentBytes: Int {
        switch body {
        case .inline(let buffer): headers.readableBytes + buffer.readableBytes
        default: headers.readableBytes
        }
    }
}
