package import NIOCore
package import Spool

/// *Value*: the bytes of a message.
package struct MessageContent: Sendable {
    /// Header block including its empty line.
    package let headers: ByteBuffer
    /// The body as the spool holds it.
    package var body: SpoolBody
    /// Length of the body in bytes.
    package var bodyLength: Int
    /// Whether headers or body hold bytes above 127.
    package var is8bit: Bool
    /// Whether the headers are in UTF-8: they need SMTPUTF8 (RFC 6531), whatever the body is. Other bytes above 127 are an older
    /// character set, which SMTPUTF8 does not make right. Looked up once.
    package let headersNeedUTF8: Bool

    /// - Parameter is8bit: whether the body has bytes above 127; the headers are looked at here.
    package init(headers: ByteBuffer, body: SpoolBody, bodyLength: Int, is8bit: Bool) {
        self.headers = headers
        self.body = body
        self.bodyLength = bodyLength
        let areHeaders8bit = headers.has8bit
        headersNeedUTF8 = areHeaders8bit && String(validating: headers.readableBytesView, as: UTF8.self) != nil
        self.is8bit = is8bit || areHeaders8bit
    }

    /// Bytes this content keeps in memory.
    package var residentBytes: Int {
        switch body {
        case .inline(let buffer): headers.readableBytes + buffer.readableBytes
        default: headers.readableBytes
        }
    }
}
