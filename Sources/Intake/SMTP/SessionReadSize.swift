import NIOCore
import SMTP

/// *Shared*, asked by the channel on its loop only: how much one read of a session may bring: little for commands, so that an idle connection
/// costs little; a whole small message while content is received, so that it takes one system call instead of three.
final class SessionReadSize: RecvByteBufferAllocator {
    private let handler: NIOLoopBound<Reference>
    private static let command = 1024
    private static let content = 16 * 1024

    /// *Loop-confined*: a handler that the channel keeps, not this. Not weak: that would make every retain of the handler slow.
    private struct Reference {
        unowned let handler: ServerHandler
    }

    init(_ handler: ServerHandler, on loop: any EventLoop) {
        self.handler = NIOLoopBound(Reference(handler: handler), eventLoop: loop)
    }

    private var size: Int { handler.value.handler.isReceivingContent ? Self.content : Self.command }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: size) }
    func record(actualReadBytes: Int) -> Bool { false }
    func nextBufferSize() -> Int? { size }
}
