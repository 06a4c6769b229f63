import NIOCore

/// *Loop-confined*: stands before the HTTP decoder and feeds it what its connection asks for, no more: a decoder that gets a read of pipelined
/// requests parses all of them at once.
final class HTTPInlet: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = Never

    private unowned let connection: any InletOwner
    private var context: ChannelHandlerContext?
    private var isReadHeld = false

    init(connection: any InletOwner) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.received(unwrapInboundIn(data))
    }

    func read(context: ChannelHandlerContext) {
        if connection.wantsInput { context.read() } else { isReadHeld = true }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The decoder must not see the end before it has seen what is still held here.
        if case .some(.inputClosed) = event as? ChannelEvent { return connection.inputClosed() }
        context.fireUserInboundEventTriggered(event)
    }

    /// Hands a piece to the decoder; what it makes of it arrives at the connection before this returns.
    func feed(_ bytes: ByteBuffer) { context?.fireChannelRead(wrapInboundOut(bytes)) }

    /// Reads on when reading was held back and is wanted again.
    func readOn() {
        guard isReadHeld, connection.wantsInput, let context else { return }
        isReadHeld = false
        context.read()
    }
}

/// *Shared*, asked by the channel on its loop only: how much one read may bring: little between requests, more within a body.
final class HTTPReadSize: RecvByteBufferAllocator {
    private let connection: NIOLoopBound<Reference>
    private static let head = 4 * 1024
    private static let body = 64 * 1024

    /// *Loop-confined*: a connection that the channel keeps, not this.
    private struct Reference {
        unowned let owner: any InletOwner
    }

    init(_ connection: any InletOwner, on loop: any EventLoop) {
        self.connection = NIOLoopBound(Reference(owner: connection), eventLoop: loop)
    }

    private var size: Int { connection.value.owner.isReceivingBody ? Self.body : Self.head }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: size) }
    func record(actualReadBytes: Int) -> Bool { false }
    func nextBufferSize() -> Int? { size }
}
