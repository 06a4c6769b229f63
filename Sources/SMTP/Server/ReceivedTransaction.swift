package import Message
package import NIOCore

/// A message that has been received whole and waits for the delegate's verdict. *Value.*
package struct ReceivedTransaction: Sendable {
    /// The reverse path.
    package var sender: EnvelopeAddress
    /// The accepted recipients, in order; never empty.
    package var recipients: [EnvelopeAddress]
    /// What MAIL FROM said besides.
    package var parameters: MailParameters
    /// Header and body, dots unstuffed, without the final dot: the whole message, or its first part if `streamedBytes` is
    /// not 0. May lack a final CRLF if it came by BDAT.
    package var data: ByteBuffer
    /// Octets that followed `data` through `bodyChunk`.
    package var streamedBytes: Int
    /// True when any octet is above 127.
    package var is8bit: Bool
    /// When the end of the data was seen, in Unix nanoseconds.
    package var receivedAt: Int64

    /// Octets of the whole message.
    package var size: Int { data.readableBytes + streamedBytes }
}
