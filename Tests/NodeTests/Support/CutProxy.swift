import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy on a port of this machine whose wire can be cut. *Shared*; connections run on loops of the singleton group.
final class CutProxy: Sendable {
    /// *Shared*: what the handlers look at.
    private final class Wire: Sendable {
        let isCut = Atomic(false)
        let open = Mutex<[ObjectIdentifier: any Channel]>([:])

        func add(_ channel: any Channel) {
            open.withLock { $0[ObjectIdentifier(channel)] = channel }
            channel.closeFuture.whenComplete { [self] _ in open.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) } }
        }
    }

    /// *Loop-confined*: hands everything to the other side, and its end too.
    private final class Forwarder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let peer: any Channel

        init(to peer: any Channel) { self.peer = peer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { peer.writeAndFlush(unwrapInboundIn(data), promise: nil) }
        func channelInactive(context: ChannelHandlerContext) { peer.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let wire: Wire

    private init(_ channel: any Channel, _ wire: Wire) {
        self.channel = channel
        self.wire = wire
    }

    /// Listens, and connects everyone who comes with `port`.
    static func start(to port: Int) async throws -> CutProxy {
        let wire = Wire()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { inbound in
                guard !wire.isCut.load(ordering: .acquiring) else { return inbound.close() }
                wire.add(inbound)
                let connected = ClientBootstrap(group: inbound.eventLoop)
                    .channelInitializer { outbound in
                        outbound.eventLoop.makeCompletedFuture { try outbound.pipeline.syncOperations.addHandler(Forwarder(to: inbound)) }
                    }
                    .connect(host: "127.0.0.1", port: port)
                connected.whenComplete { result in
                    switch result {
                    case .success(let outbound):
                        try? inbound.pipeline.syncOperations.addHandler(Forwarder(to: outbound))
                        inbound.setOption(.autoRead, value: true).whenComplete { _ in inbound.read() }
                    case .failure: inbound.close(promise: nil)
                    }
                }
                return inbound.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return CutProxy(channel, wire)
    }

    var port: Int { channel.localAddress?.port ?? 0 }

    /// Ends every connection, and takes no new ones until `mend`.
    func cut() {
        wire.isCut.store(true, ordering: .releasing)
        for channel in wire.open.withLock({ Array($0.values) }) { channel.close(promise: nil) }
    }

    func mend() { wire.isCut.store(false, ordering: .releasing) }

    func stop() async {
        cut()
        try? await channel.close()
    }
}
