import NIOCore
import SMTP

/// *Loop-confined*: how much one read of a session may bring: little for commands, so that an idle connection costs little; a whole
/// small message while content is received, so that it takes one system call instead of three.
///
/// Asked by the channel on its loop only, where the handler lives.
final class SessionReadSize: RecvByteBufferAllocator, @unchecked Sendable {
    private unowned let handler: ServerHandler
    private static let command = 1024
    private static let content = 16 * 1024

    package init(handler: ServerHandler) { self.handler = handler }

    private var size: Int { handler.isReceivingContent ? Self.content : Self.command }

    package func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: size) }
    package func record(actualReadBytes: Int) -> Bool { false }
    package func nextBufferSize() -> Int? { size }
}
