import NIOCore
import NIOPosix

/// *Loop-confined*: the client's side of one SMTP session that is kept open; dialled with the first message, and again when the sink
/// has closed it.
final class ForwardConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case closed
        /// Awaits the greeting.
        case connected
        /// Awaits the answer to EHLO.
        case introduced
        case idle
        /// Awaits so many answers before the content may go.
        case addressed(Int)
        /// Awaits the answer to the content.
        case sent
    }

    private let port: Int
    private let loop: any EventLoop
    private var state = State.closed
    private var waiting = CircularBuffer<ByteBuffer>()
    private var current: ByteBuffer?
    private var pending: ByteBuffer?
    private var context: ChannelHandlerContext?

    init(port: Int, loop: any EventLoop) {
        self.port = port
        self.loop = loop
    }

    func channelActive(context: ChannelHandlerContext) { self.context = context }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        current = nil
        pending = nil
        state = .closed
        if !waiting.isEmpty { dial() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func dial() {
        state = .connected
        let bound = NIOLoopBound(self, eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(host: "127.0.0.1", port: port)
            .whenFailure { error in
                Notice.write("bare-loop: no connection to the sink: \(error)")
                bound.value.state = .closed
            }
    }

    /// Sends the message as soon as those before it are done.
    func send(_ content: ByteBuffer) {
        waiting.append(content)
        pump()
    }

    private func pump() {
        if case .closed = state { return dial() }
        guard case .idle = state, let content = waiting.popFirst() else { return }
        current = content
        state = .addressed(3)
        write("MAIL FROM:<a@source.example>\r\nRCPT TO:<b@sink.example>\r\nDATA\r\n")
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var earlier = pending {
            pending = nil
            earlier.writeBuffer(&bytes)
            bytes = earlier
        }
        while let end = bytes.readableBytesView.firstIndex(of: 10), let line = bytes.readSlice(length: end - bytes.readerIndex + 1) {
            // A hyphen behind the code: more lines follow.
            if line.getInteger(at: line.readerIndex + 3, as: UInt8.self) != UInt8(ascii: "-") { answered(context) }
        }
        if bytes.readableBytes > 0 { pending = bytes }
    }

    private func answered(_ context: ChannelHandlerContext) {
        switch state {
        case .connected:
            state = .introduced
            write("EHLO bare-loop\r\n")
        case .introduced:
            state = .idle
            pump()
        case .addressed(let left) where left > 1: state = .addressed(left - 1)
        case .addressed:
            state = .sent
            guard var content = current else { return }
            content.writeStaticString(".\r\n")
            context.writeAndFlush(wrapOutboundOut(content), promise: nil)
        case .sent:
            current = nil
            state = .idle
            pump()
        case .closed, .idle: break
        }
    }

    private func write(_ text: StaticString) {
        guard let context else { return }
        var bytes = context.channel.allocator.buffer(capacity: text.utf8CodeUnitCount)
        bytes.writeStaticString(text)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
