package import Message
import Platform
package import SMTP
package import TLS

/// *Value*: what one attempt meant for the recipients of a message.
package struct AttemptOutcome: Sendable {
    /// *Value*: the fate of one recipient in this attempt.
    package enum Fate: Sendable, Equatable {
        case delivered, transient, bounced
    }

    /// *Value*: the reply one recipient got, with the command it answered.
    package struct Recipient: Sendable {
        /// Who it is.
        package var address: EnvelopeAddress
        /// What became of the message for this recipient.
        package var fate: Fate
        /// What decided it.
        package var reply: Reply
        /// The command that the reply answers, when a server gave it.
        package var command: String?

        /// The fate of one recipient.
        package init(address: EnvelopeAddress, fate: Fate, reply: Reply, command: String? = nil) {
            self.address = address
            self.fate = fate
            self.reply = reply
            self.command = command
        }
    }

    /// One entry per recipient that was attempted; recipients not named stay as they are.
    package var recipients: [Recipient]
    /// Whether the attempt counts (a retry delay follows) or the message is simply ready again.
    package var consumesAttempt: Bool
    /// The connection may have handed the message over before it broke: a repeat may duplicate.
    package var isAmbiguous = false
    /// Nothing was attempted, and an attempt before then would be none: why, and when.
    var postponed: (reply: Reply, until: MonotonicInstant)?
    /// Facts of the session for the log record.
    package var peer: (name: String, address: String)?
    /// The egress path.
    package var site: String?
    /// The egress source.
    package var source: String?
    /// The local address of the connection.
    package var sourceAddress: String?
    /// Names the session in log records.
    package var sessionID: String?
    /// How the session was encrypted; nil in clear.
    package var tls: TLSFacts?
    /// The provider that the path belongs to.
    package var provider: String?
    /// `ESMTP` or `LMTP`; `nil` when no session was open.
    package var deliveryProtocol: String?

    /// An outcome without the facts of a session.
    package init(recipients: [Recipient], consumesAttempt: Bool) {
        self.recipients = recipients
        self.consumesAttempt = consumesAttempt
    }

    /// Nothing was attempted: the message is due again at once.
    package static var untouched: AttemptOutcome { AttemptOutcome(recipients: [], consumesAttempt: false) }

    /// Nothing was attempted, and the message waits until then.
    static func postponed(_ reply: Reply, until: MonotonicInstant) -> AttemptOutcome {
        var outcome = untouched
        outcome.postponed = (reply, until)
        return outcome
    }

    /// The message ran out of time where it was: its queue expires it.
    static var outOfTime: AttemptOutcome { AttemptOutcome(recipients: [], consumesAttempt: true) }

    /// Every recipient of `message` got the same internal reply.
    static func everyone(_ message: QueuedMessage, _ fate: Fate, _ reply: Reply, command: String? = nil) -> AttemptOutcome {
        AttemptOutcome(
            recipients: message.recipients.map { Recipient(address: $0, fate: fate, reply: reply, command: command) },
            consumesAttempt: true)
    }
}

extension Reply {
    /// A reply that no peer sent. The text keeps the prefix that bounce rules of other systems already match.
    package static func local(_ code: Int, _ enhanced: (Int, Int, Int), _ text: String) -> Reply {
        Reply(
            code: code, enhanced: EnhancedStatus(enhanced.0, enhanced.1, enhanced.2), lines: ["KumoMTA internal: " + text])
    }
}
