/// What became of a transaction, recipient by recipient.
///
/// *Value.*
package struct TransactionResult: Sendable, Equatable {
    /// In the order of the transaction's recipients; as many.
    package let perRecipient: [RecipientOutcome]
    /// Another transaction may be sent over the same connection. When false, `closed` follows.
    package let sessionUsable: Bool

    package init(perRecipient: [RecipientOutcome], sessionUsable: Bool) {
        self.perRecipient = perRecipient
        self.sessionUsable = sessionUsable
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

    package init(raw: RawReply, command: ClientCommand, origin: Origin) {
        self.raw = raw
        self.command = command
        self.origin = origin
    }

    /// The reply code.
    package var code: Int { raw.code }
    /// The reply as text; built anew at each call.
    package var reply: Reply { raw.reply }

    /// The server takes the message, but not for so many recipients at once: 452 or 552 to RCPT without an enhanced code
    /// (RFC 5321 4.5.3.1.10), or x.5.3 with any code (RFC 3463). Send it again at once with fewer.
    package var isTooManyRecipients: Bool {
        guard origin == .peer, command == .rcpt, code >= 400 else { return false }
        guard let status = raw.statusDigits else { return code == 452 || code == 552 }
        return status.1 == 5 && status.2 == 3
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
