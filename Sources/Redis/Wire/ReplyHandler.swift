import NIOCore

/// Who gets what a connection receives. *Loop-confined.*
protocol ReplyReceiver: AnyObject {
    /// One reply.
    func received(_ value: RedisValue)
    /// All that had arrived was handed over.
    func readCompleted()
    /// The connection is over; called once.
    func closed(_ failure: RedisFailure, _ text: String)
}

/// Turns bytes into replies for one receiver. *Loop-confined.*
///
/// *Diagnostics*: bytes that are no replies, replies beyond the bounds, and anything said before a receiver is there end the connection.
final class ReplyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let reader = ReplyReader()
    private var receiver: (any ReplyReceiver)?
    private(set) var isClosed = false

    /// Names the receiver; false when the connection is over already.
    func attach(_ receiver: any ReplyReceiver) -> Bool {
        guard !isClosed else { return false }
        self.receiver = receiver
        return true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        guard !isClosed else { return }
        guard receiver != nil else { return end(context, .disconnected, "the server speaks before it was asked") }
        let fault = buffer.withUnsafeReadableBytes { bytes in
            reader.feed(bytes) { value in
                receiver?.received(value)
                return !isClosed && receiver != nil
            }
        }
        switch fault {
        case nil: break
        case .tooLarge: end(context, .tooLarge, "a reply of Redis is larger than allowed")
        case .malformed(let text): end(context, .disconnected, "what the server sends is not the protocol of Redis: \(text)")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { receiver?.readCompleted() }

    func channelInactive(context: ChannelHandlerContext) {
        tell(.disconnected, "the server closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, .disconnected, "the connection broke: \(error)") }

    private func end(_ context: ChannelHandlerContext, _ failure: RedisFailure, _ text: String) {
        tell(failure, text)
        context.close(promise: nil)
    }

    private func tell(_ failure: RedisFailure, _ text: String) {
        guard !isClosed else { return }
        isClosed = true
        // The receiver may hold the last reference to what holds this handler.
        let receiver = self.receiver
        self.receiver = nil
        receiver?.closed(failure, text)
    }
}
