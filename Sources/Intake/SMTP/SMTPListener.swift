import DNS
package import Delivery
import Message
package import NIOCore
import NIOPosix
import Platform
package import SMTP
package import Shaping
package import Spool
import Synchronization
import Telemetry

/// *Shared*: one SMTP listener: its options, its caps, and its open sessions.
package final class SMTPListener: Sendable {
    package let config: ESMTPListenerConfig
    /// Most sessions at once: as configured, and as the limit of open files allows for all listeners together.
    package let maxConnections: Int
    private let resident: ResidentBudget
    private let metrics: NodeMetrics
    private let registry: MetricRegistry
    private let descriptors: DescriptorBudget
    package let hostname: String
    let relayHosts: NetworkList
    package let trace: TraceHeaders
    package let durability: Durability
    private let ids: Mutex<MessageIDGenerator>
    private let open = Atomic<Int>(0)
    private let sessionsByHandler = Mutex<[ObjectIdentifier: OpenSession]>([:])
    private let dates = Mutex<(second: Int64, text: String)>((0, ""))
    private let clientRoot: any LimitRoot
    private let clients = Mutex<[String: RateLimiter]>([:])

    /// *Value*: a session and the loop it lives on.
    private struct OpenSession: Sendable {
        package let shard: Shard
        let handler: LoopBound<ServerHandler>
    }

    package init(config: ESMTPListenerConfig, services: DeliveryServices, nodeSeed: UInt64) {
        self.config = config
        maxConnections = min(config.maxConnections, services.descriptors.smtp)
        resident = services.resident
        metrics = services.metrics
        registry = services.registry
        descriptors = services.descriptors
        hostname = config.hostname ?? services.hostname
        clientRoot = services.limits.clients
        relayHosts = config.relayHosts
        trace = TraceHeaders(
            received: config.traceHeaders.receivedHeader, supplemental: config.traceHeaders.supplementalHeader,
            supplementalName: config.traceHeaders.headerName, includedMeta: Set(config.traceHeaders.includeMetaNames))
        durability = config.deferredSpool ? .memory : services.durability
        ids = Mutex(MessageIDGenerator(node: nodeSeed, seed: UInt64.random(in: .min ... .max)))
    }

    func nextID() -> MessageID { ids.withLock { $0.next(unixNanoseconds: Clock.wall()) } }

    /// An RFC 5322 date; the text of one second is made once.
    package func date(unixSeconds: Int64) -> String {
        dates.withLock { cache in
            if cache.second != unixSeconds { cache = (unixSeconds, MessageDate.rfc5322(unixSeconds: unixSeconds)) }
            return cache.text
        }
    }

    package func opened() -> Int { open.wrappingAdd(1, ordering: .relaxed).newValue }
    package func closed() { open.wrappingSubtract(1, ordering: .relaxed) }

    package func closing(_ text: String) -> Reply {
        Reply(code: 421, enhanced: EnhancedStatus(4, 3, 2), lines: ["\(hostname) \(text)"])
    }

    /// Whether a client with that EHLO name may open another connection now.
    func admits(client: String, rate: ThrottleSpec) -> Bool {
        clients.withLock { clients in
            if clients.count > 10_000 {  // invented names must neither fill the memory nor reset everybody's cap
                for key in clients.keys.prefix(1000) { clients[key] = nil }
            }
            let now = Clock.monotonic()
            let key = client.lowercased() + " " + rate.text
            var limiter =
                clients[key]
                ?? RateLimiter(key: LimitKey(name: "\(config.listen.text) ehlo-\(key)-connection-rate"), spec: rate, root: clientRoot)
            defer { clients[key] = limiter }
            return limiter.take(1, now: now) == .granted
        }
    }

    private var serverConfiguration: ServerConfiguration {
        var server = ServerConfiguration(hostname: hostname)
        server.banner = config.banner
        server.maxMessageSize = config.maxMessageSize
        server.maxMessagesPerConnection = config.maxMessagesPerConnection
        server.maxRecipientsPerMessage = config.maxRecipientsPerMessage
        server.lineLengthHardLimit = config.lineLengthHardLimit
        server.clientTimeout = config.clientTimeout
        server.processingTimeout = config.dataProcessingTimeout
        server.budget = resident
        switch config.invalidLineEndings {
        case .deny: server.invalidLineEndings = .deny
        case .allow: server.invalidLineEndings = .allow
        case .fix: server.invalidLineEndings = .fix
        }
        return server
    }

    /// Starts accepting on a socket that is bound already (ports below 1024 are bound before privileges are dropped).
    package func start(socket: BoundSocket, shards: ShardSet, group: any EventLoopGroup) async throws -> any Channel {
        let server = serverConfiguration
        // A few more than may stay, so that clients hear why instead of waiting in the backlog.
        let gate = AcceptGate.Plan(listener: "esmtp_listener", registry: registry) { [self] in
            sessions < maxConnections + DescriptorBudget.overflow(of: maxConnections)
                && metrics.inboundConnections.value < descriptors.smtp + DescriptorBudget.overflow(of: descriptors.smtp)
        }
        return try await socket.serve(group: group, gate: gate) { bootstrap in
            bootstrap
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.autoRead, value: true)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 8 * 1024, high: 16 * 1024))
                .childChannelInitializer { [self] channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let shard = shards.shard(on: channel.eventLoop) else {
                            throw NodeError("a connection came in on a foreign loop")
                        }
                        let session = SMTPSession(listener: self, shard: shard)
                        let handler = ServerHandler(configuration: server, delegate: session)
                        remember(handler, of: channel, on: shard)
                        try channel.syncOptions?.setOption(.recvAllocator, value: SessionReadSize(handler: handler))
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
        }
    }

    /// Whether this session and those of all other listeners fit.
    package func hasRoom(_ open: Int) -> Bool { open <= maxConnections && metrics.inboundConnections.value <= descriptors.smtp }

    private func remember(_ handler: ServerHandler, of channel: any Channel, on shard: Shard) {
        let key = ObjectIdentifier(handler)
        let entry = OpenSession(shard: shard, handler: LoopBound(handler))
        sessionsByHandler.withLock { $0[key] = entry }
        channel.closeFuture.whenComplete { [self] _ in _ = sessionsByHandler.withLock { $0.removeValue(forKey: key) } }
    }

    /// Tells every session to end: idle ones now, those in DATA after their message.
    package func shutdown() {
        for session in sessionsByHandler.withLock({ Array($0.values) }) {
            session.shard.postLater(.run { session.handler.value.shutdown() })
        }
    }

    /// Sessions open now.
    package var sessions: Int { open.load(ordering: .relaxed) }
}
