import NIOCore

/// *Loop-confined*: the server's side of one SMTP session, as little of it as a sender needs.
final class Acceptor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let log: AppendLog
    private let forwarder: Forwarder?
    private var isInContent = false
    private var pending: ByteBuffer?

    init(log: AppendLog, forwarder: Forwarder?) {
        self.log = log
        self.forwarder = forwarder
    }

    func channelActive(context: ChannelHandlerContext) { reply(context, "220 bare-loop ESMTP\r\n") }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var earlier = pending {
            pending = nil
            earlier.writeBuffer(&bytes)
            bytes = earlier
        }
        while bytes.readableBytes > 0, isInContent ? readContent(&bytes, context) : readCommand(&bytes, context) {}
        if bytes.readableBytes > 0 { pending = bytes }
    }

    /// Takes one command; false when its line is not complete.
    private func readCommand(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        guard let end = bytes.readableBytesView.firstIndex(of: 10), let line = bytes.readSlice(length: end - bytes.readerIndex + 1) else {
            return false
        }
        // Two letters tell the commands of a benchmark apart.
        switch line.withUnsafeReadableBytes({ $0.count < 2 ? (0, 0) : ($0[0] & 0xDF, $0[1] & 0xDF) }) {
        case (UInt8(ascii: "E"), UInt8(ascii: "H")), (UInt8(ascii: "H"), UInt8(ascii: "E")):
            reply(context, "250-bare-loop\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        case (UInt8(ascii: "D"), UInt8(ascii: "A")):
            isInContent = true
            reply(context, "354 go\r\n")
        case (UInt8(ascii: "Q"), UInt8(ascii: "U")):
            reply(context, "221 bye\r\n")
            context.close(promise: nil)
        default: reply(context, "250 ok\r\n")
        }
        return true
    }

    /// Takes a whole message; false when its end has not come.
    private func readContent(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        guard let length = bytes.lengthBeforeFinalDot, let content = bytes.readSlice(length: length) else { return false }
        bytes.moveReaderIndex(forwardBy: 3)
        isInContent = false
        let loop = context.eventLoop
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: loop)
        log.append(content, loop: loop) {
            let (handler, context) = bound.value
            handler.reply(context, "250 ok\r\n")
            handler.forwarder?.send(content)
        }
        return true
    }

    private func reply(_ context: ChannelHandlerContext, _ text: StaticString) {
        var bytes = context.channel.allocator.buffer(capacity: text.utf8CodeUnitCount)
        bytes.writeStaticString(text)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
