/// Why a connection ended.
///
/// *Value.*
package struct ClientCloseReason: Sendable, Equatable {
    /// *Value.*
    package enum Kind: Sendable, Equatable {
        /// `quit()` was called.
        case quit
        /// `abort()` was called.
        case aborted
        /// The server refused the session: its greeting or its answer to EHLO and HELO.
        case refused
        /// The server said 421.
        case serviceClosing
        /// The session could not be encrypted: STARTTLS is not offered and must be used, it was refused, or the handshake failed.
        case notEncrypted
        /// The server closed the connection, or the network did.
        case disconnected
        /// A step took too long.
        case timedOut
        /// The server said something that is no reply, or a reply where none was due.
        case protocolError
        /// The body could not be read here.
        case contentUnavailable
    }

    /// What happened.
    package let kind: Kind
    /// What the client was waiting for; nil between transactions.
    package let stage: ClientCommand?
    /// What the server said, if that was the reason.
    package let reply: RawReply?
    /// One line for logs.
    package let text: String
    /// It happened between transactions, so no message was touched by it.
    package let wasIdle: Bool

    /// Why a connection ended.
    package init(kind: Kind, stage: ClientCommand?, reply: RawReply? = nil, text: String, wasIdle: Bool) {
        self.kind = kind
        self.stage = stage
        self.reply = reply
        self.text = text
        self.wasIdle = wasIdle
    }
}
