package import Delivery
package import NIOCore
import NIOPosix
import Resources
import SMTP
import Shaping
import TLS

/// *Loop actor*: one SMTP listener: it accepts connections on its loop and hands each to the shard of the loop on which it will live.
///
/// What its sessions have in common is in its gate.
package actor SMTPListener {
    /// The event loop.
    package nonisolated let unownedExecutor: UnownedSerialExecutor
    /// What the sessions see of the listener.
    package nonisolated let gate: ListenerGate
    /// The socket that accepts; nil before the start and after the stop.
    private var channel: (any Channel)?

    /// A listener that does not accept yet, on one of the loops of the node.
    package init(_ gate: ListenerGate, on loop: any EventLoop) {
        self.gate = gate
        unownedExecutor = loop.executor.asUnownedSerialExecutor()
    }

    /// Starts accepting on a socket that is bound already (ports below 1024 are bound before privileges are dropped).
    package func start(_ socket: BoundSocket, shards: Shards) async throws {
        let server = gate.serverConfiguration
        let implicit = gate.config.useTLS
        let patience = TimeAmount(gate.config.clientTimeout)
        let plan = AcceptGate.Plan(listener: "esmtp_listener", registry: gate.registry) { [gate] in gate.hasRoomToAccept }
        channel = try await socket.serve(group: shards.services.group, gate: plan) { [gate] bootstrap in
            bootstrap
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.autoRead, value: true)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 8 * 1024, high: 16 * 1024))
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let shard = shards.shard(on: channel.eventLoop) else {
                            throw NodeError("a connection came in on a foreign loop")
                        }
                        try shard.assumeIsolated { shard in
                            let session = SMTPSession(listener: gate, ground: shard.ground)
                            let tls = TLSStart(gate.identity, turns: shard.address.handshakes, deadline: patience)
                            let handler = ServerHandler(configuration: server, delegate: session, tls: tls)
                            gate.remember(handler, of: channel)
                            try channel.syncOptions?.setOption(
                                .recvAllocator, value: SessionReadSize(handler, on: channel.eventLoop))
                            if implicit { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
                            try channel.pipeline.syncOperations.addHandler(handler)
                        }
                    }
                }
        }
    }

    /// Accepts no more, and tells every session to end: idle ones now, those in DATA after their message.
    package func stop() async {
        if let channel {
            self.channel = nil
            try? await channel.close()
        }
        gate.endSessions()
    }
}
