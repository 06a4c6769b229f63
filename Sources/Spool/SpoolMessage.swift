package import Message
package import NIOCore

/// A message read back whole, with its latest update applied. *value*.
package struct SpoolMessage: Sendable {
    package let handle: SpoolHandle
    package let id: MessageID
    package let envelope: SpoolEnvelope
    package let headers: ByteBuffer
    /// `.inline` up to the option `wholeBodyLimit`, `.shared` beyond: then `readBody` fetches it piecewise.
    package let body: SpoolBody
    package let bodyLength: Int
}
