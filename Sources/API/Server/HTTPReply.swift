import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization

/// *Value*: a whole answer.
struct HTTPReply: Sendable {
    /// The status.
    package var status: HTTPResponseStatus
    /// Fields in their order.
    package var headers: [(String, String)]
    /// The whole body.
    package var body: ByteBuffer

    /// An answer of one line.
    package init(_ status: HTTPResponseStatus, text: String, headers: [(String, String)] = []) {
        self.status = status
        self.headers = [("Content-Type", "text/plain; charset=utf-8")] + headers
        body = ByteBuffer(string: text + "\n")
    }

    /// An answer without a body.
    package init(_ status: HTTPResponseStatus, headers: [(String, String)] = []) {
        self.status = status
        self.headers = headers
        body = ByteBuffer()
    }

    /// What a route answered.
    package init(_ response: Response) async throws {
        status = HTTPResponseStatus(statusCode: response.status.code, reasonPhrase: response.status.reasonPhrase)
        // Framing is the connection's business, and a second Content-Length would make clients refuse the answer.
        headers = response.headers.filter { $0.name != .contentLength && $0.name != .transferEncoding }.map { ($0.name.rawName, $0.value) }
        let collected = Collected()
        try await response.body.write(BodyCollector(collected: collected))
        body = collected.bytes.withLock { $0 }
    }

    /// *Shared*: the pieces of a body.
    private final class Collected: Sendable {
        /// What was written.
        package let bytes = Mutex(ByteBuffer())
    }

    /// *Value*: takes a body from a route.
    private struct BodyCollector: ResponseBodyWriter {
        let collected: Collected

        package mutating func write(_ buffer: ByteBuffer) async throws {
            collected.bytes.withLock { bytes in
                if bytes.readableBytes == 0 { bytes = buffer } else { bytes.writeImmutableBuffer(buffer) }
            }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
