package import Message
package import NIOCore

/// A message read back whole, with its latest update applied. *value*.
package struct SpoolMessage: Sendable {
    /// Where it is kept.
    package let handle: SpoolHandle
    /// The message id.
    package let id: MessageID
    /// The envelope, with what updates changed.
    package let envelope: SpoolEnvelope
    /// The header block.
    package let headers: ByteBuffer
    /// `.inline` up to the option `wholeBodyLimit`, `.shared` beyond: then `readBody` fetches it piecewise.
    package let body: SpoolBody
    /// Bytes of the body.
    package let bodyLength: Int
}
