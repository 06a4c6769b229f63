import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import SMTP

/// The end of a session, over loopback: with a server that hangs up, and with some that do not.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ClientFarewellTests {
    /// Loop-confined: answers every line, QUIT as it is told.
    final class Server: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        /// The answer to QUIT; nil for none.
        let goodbye: String?
        let hangsUp: Bool
        init(goodbye: String?, hangsUp: Bool) {
            self.goodbye = goodbye
            self.hangsUp = hangsUp
        }

        func channelActive(context: ChannelHandlerContext) { say("220 here", context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let line = String(buffer: unwrapInboundIn(data))
            guard line.hasPrefix("QUIT") else { return say("250 ok", context) }
            if let goodbye { say(goodbye, context) }
            if hangsUp { context.close(promise: nil) }
        }

        private func say(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(NIOAny(ByteBuffer(string: text + "\r\n")), promise: nil)
        }
    }

    /// Loop-confined: quits as soon as the session is open.
    final class Quitter: ClientSessionDelegate {
        let closed: EventLoopPromise<Void>
        init(_ closed: EventLoopPromise<Void>) { self.closed = closed }
        func ready(_ client: ClientHandler, capabilities: Capabilities) { client.quit() }
        func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult) {}
        func next(_ client: ClientHandler) -> ClientTransaction? { nil }
        func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?) { closed.succeed() }
    }

    /// How long the session lasted from the first byte, in seconds.
    /// - Parameters:
    ///   - patience: how long the client waits for the server's end of the connection.
    ///   - abort: when the owner loses patience, in milliseconds after the connection.
    func end(goodbye: String?, hangsUp: Bool, patience: Duration = .seconds(120), abort: Int64? = nil) async throws -> Double {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let server = try await ServerBootstrap(group: loop).childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Server(goodbye: goodbye, hangsUp: hangsUp))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        let closed = loop.makePromise(of: Void.self)
        let began = ContinuousClock.now
        _ = try await ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                var timeouts = ClientTimeouts()
                timeouts.farewell = patience
                let client = ClientHandler(
                    configuration: ClientConfiguration(ehloDomain: "me.test", timeouts: timeouts), delegate: Quitter(closed))
                try channel.pipeline.syncOperations.addHandler(client)
                let box = NIOLoopBound(client, eventLoop: channel.eventLoop)
                if let abort { channel.eventLoop.scheduleTask(in: .milliseconds(abort)) { box.value.abort() } }
            }
        }.connect(to: server.localAddress!).get()
        try await closed.futureResult.get()
        let took = (ContinuousClock.now - began) / .seconds(1)
        try await server.close().get()
        return took
    }

    @Test func serverHangsUp() async throws {
        #expect(try await end(goodbye: "221 bye", hangsUp: true) < 100)
    }

    /// The client waits for the server's end of the connection, for a second.
    @Test func serverStays() async throws {
        #expect(ClientTimeouts().farewell == .seconds(1))
        #expect(try await end(goodbye: "221 bye", hangsUp: false, patience: .milliseconds(300)) >= 0.29)
    }

    /// Whose permit has ended does not wait for anything.
    @Test(arguments: ["221 bye", nil]) func abortEndsTheFarewell(_ goodbye: String?) async throws {
        #expect(try await end(goodbye: goodbye, hangsUp: false, abort: 300) < 100)
    }
}
