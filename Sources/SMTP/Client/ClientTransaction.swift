package import Message
package import NIOCore

/// Where the content after the header block comes from.
///
/// *Value.*
package enum ClientBody: Sendable {
    /// All of it is in memory.
    case inline(ByteBuffer)
    /// `pull(offset, reply)` is called on the loop when the socket can take more, for the bytes from `offset` on. `reply` is called
    /// exactly once per call, from any thread, maybe before `pull` returns, with at least one byte; at most one call is outstanding.
    case streamed(
        length: Int, pull: @Sendable (_ offset: Int, _ reply: @escaping @Sendable (Result<ByteBuffer, any Error>) -> Void) -> Void)

    /// Bytes.
    package var length: Int {
        switch self {
        case .inline(let buffer): buffer.readableBytes
        case .streamed(let length, _): length
        }
    }
}

/// One message on its way over one connection: envelope and content.
///
/// *Shared.* It never changes.
package final class ClientTransaction: Sendable {
    /// The reverse path; null for bounces.
    package let sender: EnvelopeAddress
    /// At least one.
    package let recipients: [EnvelopeAddress]
    /// The header block with its empty line.
    package let headers: ByteBuffer
    /// What follows the headers.
    package let body: ClientBody
    /// The content has bytes above 127.
    package let needs8Bit: Bool
    /// An address or a header needs SMTPUTF8.
    package let needsUTF8: Bool
    /// Bytes of headers and body, what SIZE= announces.
    package let size: Int

    /// - Parameter recipients: at least one.
    package init(
        sender: EnvelopeAddress, recipients: [EnvelopeAddress], headers: ByteBuffer, body: ClientBody, needs8Bit: Bool = false,
        needsUTF8: Bool = false
    ) {
        precondition(!recipients.isEmpty, "a transaction without recipients")
        self.sender = sender
        self.recipients = recipients
        self.headers = headers
        self.body = body
        self.needs8Bit = needs8Bit
        self.needsUTF8 = needsUTF8
        self.size = headers.readableBytes + body.length
    }
}
