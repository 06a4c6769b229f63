import Message
package import NIOCore
package import SMTP
package import Spool

/// *Value*: the content of a message as it arrived, taken apart: what goes under the trace headers of each message made of it.
package struct ReceivedContent {
    /// The header section, with its empty line if there is one; empty when all of the content is body.
    package let headers: ByteBuffer
    /// What stands between our trace headers and the content.
    let seam: ContentHead.Seam
    /// The body as the spool will hold it.
    package let body: SpoolBody
    let bodyLength: Int

    /// Content that is in memory as a whole.
    package init(_ content: ByteBuffer) {
        var rest = content
        let head = content.withUnsafeReadableBytes { ContentHead($0) }
        headers = rest.readSlice(length: head.length) ?? ByteBuffer()
        seam = head.seam
        body = .inline(rest)
        bodyLength = rest.readableBytes
    }

    /// Content whose body went to the spool while it arrived.
    package init(_ stream: BodyStream) {
        headers = stream.headers
        seam = stream.seam
        bodyLength = stream.length
        body = .shared(stream.finish())
    }

    /// The reply to a message that has passed too many servers (RFC 5321 6.3); `nil` when it has not.
    package static func loop(in headers: ByteBuffer, limit: Int) -> Reply? {
        let count = headers.withUnsafeReadableBytes { HeaderBlock.count(of: "received", in: $0) }
        guard count > limit else { return nil }
        return Reply(
            code: 554, enhanced: EnhancedStatus(5, 4, 6),
            lines: ["mail loop: the message has \(count) Received header fields; \(limit) are allowed (max_received_headers)"])
    }
}
