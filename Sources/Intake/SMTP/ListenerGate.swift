import DNS
package import Delivery
import Message
import NIOCore
import NIOPosix
import Options
import Platform
import Resources
package import SMTP
package import Shaping
package import Spool
import Synchronization
package import TLS
import Telemetry

/// *Shared*: what the sessions of one SMTP listener have in common, on whatever loops they are: its options, its limits, ids and dates.
package final class ListenerGate: Sendable {
    /// What the policy said of the listener.
    package let config: ESMTPListenerConfig
    /// Most sessions at once: as configured, and as the limit of open files allows for all listeners together.
    package let maxConnections: Int
    let resident: ResidentBudget
    private let metrics: NodeMetrics
    let registry: MetricRegistry
    private let descriptors: DescriptorBudget
    /// The name in the greeting.
    package let hostname: String
    let relayHosts: NetworkList
    /// The certificates shown to clients.
    package let identity: ServerIdentity
    /// The headers put on top of each message.
    package let trace: TraceHeaders
    /// What 250 promises here.
    package let durability: Durability
    private let ids: Mutex<MessageIDGenerator>
    private let open = Atomic<Int>(0)
    /// Connections that were accepted and are not closed: sessions, and those that have none before their handshake is done.
    private let accepted = Atomic<Int>(0)
    private let sessionsByHandler = Mutex<[ObjectIdentifier: NIOLoopBound<ServerHandler>]>([:])
    private let dates = Mutex<(second: Int64, text: String)>((0, ""))
    private let clientRoot: any LimitRoot
    private let clients = Mutex<[String: RateLimiter]>([:])

    /// - Parameters:
    ///   - identity: the certificates shown to clients.
    ///   - nodeSeed: makes the ids of this node its own.
    package init(config: ESMTPListenerConfig, services: DeliveryServices, identity: ServerIdentity, nodeSeed: UInt64) {
        self.identity = identity
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

    /// Counts a session; answers how many there are.
    package func opened() -> Int { open.wrappingAdd(1, ordering: .relaxed).newValue }
    /// A session has ended.
    package func closed() { open.wrappingSubtract(1, ordering: .relaxed) }

    /// The 421 with which a session ends.
    package func closing(_ text: String) -> Reply {
        Reply(code: 421, enhanced: EnhancedStatus(4, 3, 2), lines: ["\(hostname) \(text)"])
    }

    /// Whether a client with that EHLO name may open another connection now.
    func admits(client: String, rate: ThrottleSpec) -> Bool {
        clients.withLock { clients in
            if clients.count > 10_000 {  // invented names must neither fill the memory nor reset everybody's limit
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

    /// How sessions of this listener are held.
    var serverConfiguration: ServerConfiguration {
        var server = ServerConfiguration(hostname: hostname)
        server.banner = config.banner
        server.maxMessageSize = config.maxMessageSize
        server.maxMessagesPerConnection = config.maxMessagesPerConnection
        server.maxRecipientsPerMessage = config.maxRecipientsPerMessage
        server.lineLengthHardLimit = config.lineLengthHardLimit
        server.clientTimeout = config.clientTimeout
        server.processingTimeout = config.dataProcessingTimeout
        server.budget = resident
        server.offersTLS = !config.useTLS
        switch config.invalidLineEndings {
        case .deny: server.invalidLineEndings = .deny
        case .allow: server.invalidLineEndings = .allow
        case .fix: server.invalidLineEndings = .fix
        }
        return server
    }

    /// Whether another connection may be accepted: a few more than may stay, so that clients hear why instead of waiting in the backlog.
    var hasRoomToAccept: Bool {
        let here = max(sessions, accepted.load(ordering: .relaxed))
        return here < maxConnections + DescriptorBudget.overflow(of: maxConnections)
            && metrics.inboundConnections.value + here - sessions < descriptors.smtp + DescriptorBudget.overflow(of: descriptors.smtp)
    }

    /// Whether this session and those of all other listeners fit.
    package func hasRoom(_ open: Int) -> Bool { open <= maxConnections && metrics.inboundConnections.value <= descriptors.smtp }

    /// Keeps a session in mind until its connection is closed.
    func remember(_ handler: ServerHandler, of channel: any Channel) {
        let key = ObjectIdentifier(handler)
        let entry = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        sessionsByHandler.withLock { $0[key] = entry }
        accepted.wrappingAdd(1, ordering: .relaxed)
        channel.closeFuture.whenComplete { [self] _ in
            accepted.wrappingSubtract(1, ordering: .relaxed)
            _ = sessionsByHandler.withLock { $0.removeValue(forKey: key) }
        }
    }

    /// Tells every session to end: idle ones now, those in DATA after their message.
    func endSessions() {
        for handler in sessionsByHandler.withLock({ Array($0.values) }) { handler.eventLoop.execute { handler.value.shutdown() } }
    }

    /// Sessions open now.
    package var sessions: Int { open.load(ordering: .relaxed) }
}
