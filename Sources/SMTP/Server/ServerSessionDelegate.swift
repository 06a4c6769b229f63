package import Message
package import NIOCore
package import TLS

/// Decides about the steps of SMTP sessions. *Loop-confined*: called on the session's loop only.
///
/// Each closure is called exactly once, on that loop, at once or later; no input of the session is processed
/// meanwhile. A verdict that comes after the session was closed (`closed`) is ignored.
package protocol ServerSessionDelegate: AnyObject {
    /// A client has connected; the default reply is the banner.
    func connected(_ session: ServerSession, reply: @escaping (Verdict) -> Void)
    /// HELO or EHLO; accepted, `session.facts` know the name.
    func hello(_ session: ServerSession, domain: String, extended: Bool, reply: @escaping (Verdict) -> Void)
    /// The session is encrypted from now on; `session.facts` know how. What the client said before counts no more: it says EHLO again.
    func secured(_ session: ServerSession)
    /// The session could not be encrypted, or its encryption broke; it ends.
    func encryptionFailed(_ session: ServerSession, _ failure: TLSFailure)
    /// MAIL FROM.
    func mail(
        _ session: ServerSession, sender: EnvelopeAddress, parameters: MailParameters,
        reply: @escaping (Verdict) -> Void)
    /// RCPT TO.
    func recipient(_ session: ServerSession, recipient: EnvelopeAddress, reply: @escaping (Verdict) -> Void)
    /// A piece of a large message, beyond `session.streamedHead`, which holds what came before the first piece. The client
    /// is held back until `proceed`. A rejection is sent at the end of the data; the rest is swallowed.
    func bodyChunk(_ session: ServerSession, chunk: ByteBuffer, proceed: @escaping (Verdict) -> Void)
    /// A whole message. Acceptance makes the node responsible for it.
    func message(_ session: ServerSession, transaction: ReceivedTransaction, reply: @escaping (Verdict) -> Void)
    /// At least one `bodyChunk` was given, and `message` will not be called for that message.
    func aborted(_ session: ServerSession)
    /// A negative reply is sent (except 421 4.3.2, which is load shedding); for the Rejection log.
    func rejected(_ session: ServerSession, command: String, reply: Reply)
    /// The session is over; always the last call, once for every `connected`.
    func closed(_ session: ServerSession)
}
