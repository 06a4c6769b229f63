package import Message

/// The envelope that a refused step of a session was about. *Value.*
package struct RejectedEnvelope: Sendable, Hashable {
    /// The reverse path; nil outside of a transaction.
    package var sender: EnvelopeAddress?
    /// The recipient of a refused RCPT; all accepted ones when a later step is refused.
    package var recipients: [EnvelopeAddress] = []

    /// An envelope as far as it is known.
    package init(sender: EnvelopeAddress? = nil, recipients: [EnvelopeAddress] = []) {
        self.sender = sender
        self.recipients = recipients
    }
}
