/// What the queue must know of a message besides its bytes. *value*. Times are Unix nanoseconds.
package struct SpoolEnvelope: Sendable, Equatable {
    /// The reverse path, as text; empty for bounces.
    package var sender: String
    /// The recipients, as text.
    package var recipients: [String]
    /// The name of the scheduled queue.
    package var queue: String
    /// When the message came, Unix nanoseconds.
    package var created: Int64
    /// When it is tried next, Unix nanoseconds.
    package var due: Int64
    /// Attempts so far.
    package var attempts: Int
    /// 0 means that the queue's configuration decides.
    package var expires: Int64
    /// The last negative reply; empty without one.
    package var lastReply: String
    /// Names with their value as JSON text.
    package var meta: [(key: String, value: String)]

    /// An envelope as a record holds it.
    package init(
        sender: String, recipients: [String], queue: String, created: Int64, due: Int64, attempts: Int = 0,
        expires: Int64 = 0, lastReply: String = "", meta: [(key: String, value: String)] = []
    ) {
        self.sender = sender
        self.recipients = recipients
        self.queue = queue
        self.created = created
        self.due = due
        self.attempts = attempts
        self.expires = expires
        self.lastReply = lastReply
        self.meta = meta
    }

    package static func == (a: SpoolEnvelope, b: SpoolEnvelope) -> Bool {
        a.sender == b.sender && a.recipients == b.recipients && a.queue == b.queue && a.created == b.created
            && a.due == b.due && a.attempts == b.attempts && a.expires == b.expires && a.lastReply == b.lastReply
            && a.meta.elementsEqual(b.meta) { $0.key == $1.key && $0.value == $1.value }
    }
}
