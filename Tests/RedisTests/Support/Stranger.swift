import NIOCore
import NIOPosix
import Synchronization

/// A server that answers whatever the test says, to be hostile with. *Shared.*
final class Stranger: Sendable {
    private let channel: any Channel

    private init(_ channel: any Channel) { self.channel = channel }

    var port: Int { channel.localAddress?.port ?? 0 }

    /// Starts one; `answer` gets each piece of input and says what to send, or nil for nothing.
    static func start(_ answer: @escaping @Sendable (String) -> String?) async throws -> Stranger {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answerer(answer)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return Stranger(channel)
    }

    func stop() async { try? await channel.close() }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: @Sendable (String) -> String?

        init(_ answer: @escaping @Sendable (String) -> String?) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let text = answer(String(buffer: unwrapInboundIn(data))) else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
