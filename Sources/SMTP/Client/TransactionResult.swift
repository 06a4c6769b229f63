/// What became of a transaction, recipient by recipient.
///
/// *Value.*
package struct TransactionResult: Sendable, Equatable {
    /// In the order of the transaction's recipients; as many.
    package let perRecipient: [RecipientOutcome]
    /// Another transaction may be sent over the same connection. When false, `closed` follows.
    package let sessionUsable: Bool
    /// Whether the session ended before the server had taken the transaction up.
    package let interruption: Interruption

    /// *Value.* The session ended before the server had answered this transaction's MAIL with anything but 421: in the answer to RSET, in
    /// its place, or instead of both. Or, behind another transaction, in something that is no answer at all and before any content.
    package enum Interruption: Sendable, Equatable {
        /// It did not.
        case none
        /// It did, and the transaction was the first of its session: the server does not like the session, or the message.
        case atFirst
        /// It did, behind another transaction: what broke was the session, between messages.
        case between
    }

    /// A result, recipient by recipient.
    package init(perRecipient: [RecipientOutcome], sessionUsable: Bool, interruption: Interruption = .none) {
        self.perRecipient = perRecipient
        self.sessionUsable = sessionUsable
        self.interruption = interruption
    }

    /// Some recipient may have got the message though no reply said so: sending it again may make a duplicate.
    package var isAmbiguous: Bool { perRecipient.contains { $0.origin == .transport(ambiguous: true) } }
}

/// The reply that decided about one recipient.
///
/// *Value.*
package struct RecipientOutcome: Sendable, Equatable {
    /// *Value.* Who decided.
    package enum Origin: Sendable, Equatable {
        /// The server's reply.
        case peer
        /// A check made here before anything was sent.
        case local
        /// The connection failed; the reply is made here. `ambiguous`: all content had been sent.
        case transport(ambiguous: Bool)
    }

    /// *Value.* What to do with the recipient.
    package enum Disposition: Sendable, Equatable { case delivered, transient, permanent }

    /// The reply, its text still bytes.
    package let raw: RawReply
    /// The command it answers.
    package let command: ClientCommand
    /// Who decided.
    package let origin: Origin
    /// An earlier recipient of the same transaction was accepted.
    package let followsAccepted: Bool

    /// What decided about a recipient.
    package init(raw: RawReply, command: ClientCommand, origin: Origin, followsAccepted: Bool = false) {
        self.raw = raw
        self.command = command
        self.origin = origin
        self.followsAccepted = followsAccepted
    }

    /// The reply code.
    package var code: Int { raw.code }
    /// The reply as text; built anew at each call.
    package var reply: Reply { raw.reply }

    /// The server takes the message, but not for so many recipients at once: 452 to RCPT without an enhanced code, or x.5.3 with any code
    /// (RFC 3463). Send it again at once with fewer.
    ///
    /// 552 without an enhanced code is what RFC 5321 4.5.3.1.10 has clients take for 452, and also what servers say of a full mailbox
    /// (RFC 5321 4.2.3). It means the former when there were recipients before it that were accepted, or when its text says so: nobody has
    /// room for less than one recipient.
    package var isTooManyRecipients: Bool {
        guard origin == .peer, command == .rcpt, code >= 400 else { return false }
        if let status = raw.statusDigits { return status.1 == 5 && status.2 == 3 }
        return code == 452 || (code == 552 && (followsAccepted || raw.mentionsRecipientCount))
    }

    /// Delivered, to be tried again, or to be bounced. Transport failures are never permanent.
    package var disposition: Disposition {
        switch origin {
        case .transport: .transient
        case .peer, .local:
            if raw.isPositive { .delivered } else if raw.isPermanent && !isTooManyRecipients { .permanent } else { .transient }
        }
    }
}
