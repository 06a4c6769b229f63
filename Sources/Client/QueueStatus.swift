/// *Value*: one scheduled queue as `GET /api/queues` shows it.
package struct QueueStatus: Sendable, Equatable {
    /// `campaign:tenant@domain!routing_domain`.
    package var queue: String
    /// Messages that wait for their time, or for room in a ready queue.
    package var scheduled: Int
    /// Of those, messages that are due now.
    package var due: Int
    /// Messages in ready queues or held by a connection.
    package var active: Int
    /// Recipients delivered since the node started.
    package var delivered: Int
    /// Age of the oldest scheduled message in seconds; absent when there is none.
    package var oldestAge: Double?
    /// When the next message is due, RFC 3339; absent when none waits.
    package var nextDue: String?
    /// `active`, `waiting`, `paused`, `bouncing`, `blocked` or `idle`.
    package var state: String
    /// Why messages are not moving; absent when nothing blocks.
    package var blockedBy: String?
    /// The last negative reply for a message of this queue, one line.
    package var lastReply: String?

    /// A queue as the listing shows it.
    package init(
        queue: String, scheduled: Int, due: Int, active: Int, delivered: Int, oldestAge: Double?, nextDue: String?, state: String,
        blockedBy: String?, lastReply: String?
    ) {
        self.queue = queue
        self.scheduled = scheduled
        self.due = due
        self.active = active
        self.delivered = delivered
        self.oldestAge = oldestAge
        self.nextDue = nextDue
        self.state = state
        self.blockedBy = blockedBy
        self.lastReply = lastReply
    }
}

/// *Value*: one pause as `GET /api/queues/pauses` shows it.
package struct PauseStatus: Sendable, Equatable {
    /// The name of the queue.
    package var queue: String
    /// Why it was paused.
    package var reason: String
    /// Who paused it.
    package var issuer: String
    /// Since when, RFC 3339.
    package var since: String

    /// A pause as the listing shows it.
    package init(queue: String, reason: String, issuer: String, since: String) {
        self.queue = queue
        self.reason = reason
        self.issuer = issuer
        self.since = since
    }
}
