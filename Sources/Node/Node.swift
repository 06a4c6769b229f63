import AsyncHTTPClient
package import Cluster
package import Control
import DNS
package import Delivery
import Glibc
import Intake
import Message
import NIOCore
import NIOPosix
import Options
import Platform
import Policy
import Redis
import Resources
import SMTP
package import Shaping
import Spool
import Synchronization
import TLS
import Telemetry

/// *Shared*: one node: everything between the sockets and the disk, in its order of start and stop.
///
/// *Diagnostics*: `start` throws one sentence with the remedy; after it, nothing in here ends the process.
package final class Node: Sendable {
    /// The shards, with everything that lives on them.
    package let shards: Shards
    /// What its shards share.
    package let services: DeliveryServices
    /// This node's part of the cluster; nil when it is alone.
    package let cluster: Cluster?
    /// The nodes and the limits they share.
    package let clusterView: any ClusterView
    /// How it was started.
    package let options: NodeOptions
    let listeners: [SMTPListener]
    /// Their certificates.
    let certificates: [CertificateWatch]
    /// The small files beside the spool.
    let files: StateFiles
    let http: HTTPClient
    let heartbeats: [Heartbeat]
    let group: MultiThreadedEventLoopGroup
    /// What the policy declared when the node started.
    let declared: PolicyDeclarations
    /// Whether a reload runs, and whether another was asked for meanwhile.
    let reloads = Mutex(ReloadTurn())
    /// `<proto> listener on <ip:port>` for each listener, as printed.
    package let addresses: [String]
    /// The HTTP listener; nil without one.
    package let httpConfig: HTTPListenerConfig?

    private init(
        graph: NodeGraph, shards: Shards, options: NodeOptions, listeners: [SMTPListener], certificates: [CertificateWatch],
        http: HTTPClient, heartbeats: [Heartbeat],
        group: MultiThreadedEventLoopGroup, addresses: [String], httpConfig: HTTPListenerConfig?, declared: PolicyDeclarations
    ) {
        services = graph.services
        files = graph.files
        self.shards = shards
        cluster = graph.cluster
        clusterView = graph.view
        self.options = options
        self.listeners = listeners
        self.certificates = certificates
        self.http = http
        self.heartbeats = heartbeats
        self.group = group
        self.addresses = addresses
        self.httpConfig = httpConfig
        self.declared = declared
    }

    // MARK: Start

    /// Loads the policy, binds the sockets, drops privileges, opens the spool and starts to take mail.
    package static func start(_ options: NodeOptions) async throws -> Node {
        signal(SIGPIPE, SIG_IGN)
        // A limit on the size of files (ulimit -f) is an error of the write, which the spool answers like a full disk.
        signal(SIGXFSZ, SIG_IGN)
        raiseFileLimit()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops ?? System.coreCount)
        let http = HTTPClient(eventLoopGroupProvider: .shared(group), backgroundActivityLogger: LibraryLog.logger("async-http-client"))
        do {
            return try await start(options, group: group, http: http)
        } catch {
            try? await http.shutdown()
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func start(
        _ options: NodeOptions, group: MultiThreadedEventLoopGroup, http: HTTPClient
    ) async throws -> Node {
        let policies = try loadPolicy(options.policyFile, group: group, http: http)
        let declared = policies[0].declarations
        var sockets: [(config: ESMTPListenerConfig, socket: BoundSocket)] = []
        for config in declared.listeners {
            sockets.append((config, try BoundSocket(host: config.listen.host, port: config.listen.port)))
        }
        // Before privileges are dropped: keys may be for root's eyes.
        let identities = try declared.listeners.map { try ListenerIdentity($0, hostname: options.hostname ?? HostName.current) }
        if let user = options.user { try Privileges.drop(to: user) }

        let registry = MetricRegistry()
        let spool = try SpoolSetup(declared.spools, options: options).open(registry: registry)
        let graph = try await makeGraph(
            options, declared, group: group, registry: registry, spool: spool, own: OwnAddresses(sockets.map(\.socket.address)))
        let services = graph.services
        let shards = Shards(services)
        let heartbeats = await begin(shards, policies)
        let seed = UInt64.random(in: .min ... .max)
        let listeners = zip(sockets, identities).map { bound, identity in
            SMTPListener(
                ListenerGate(config: bound.config, services: services, identity: identity.current, nodeSeed: seed), on: group.next())
        }
        let certificates = identities.compactMap(\.watch)
        for certificate in certificates { certificate.start(on: group.next()) { services.state.phase == .stopping } }
        let node = Node(
            graph: graph, shards: shards, options: options, listeners: listeners, certificates: certificates, http: http,
            heartbeats: heartbeats, group: group,
            addresses: sockets.map { "esmtp listener on \($0.socket.address)" },
            httpConfig: try options.httpConfig(declared.httpListeners), declared: declared)
        node.publishGauges()
        node.publishBudgets()
        graph.ownView.watch(shards)
        if let cluster = graph.cluster { node.join(cluster) }
        node.expireRules()
        node.recover()
        services.state.phase = .ready
        for (listener, bound) in zip(listeners, sockets) { try await listener.start(bound.socket, shards: shards) }
        return node
    }

    private static func makeGraph(
        _ options: NodeOptions, _ declared: PolicyDeclarations, group: any EventLoopGroup, registry: MetricRegistry,
        spool: OpenSpool, own: OwnAddresses
    ) async throws -> NodeGraph {
        var resolving = options.resolver
        var routing = MailRouterConfiguration()
        if let longest = declared.negativeTTL { (resolving.negativeTTL, routing.negativeTTL) = (longest, longest) }
        let resolver = try Resolver(resolving)
        let state = NodeState()
        let hostname = options.hostname ?? HostName.current
        let name = options.nodeName ?? "\(hostname.prefix { $0 != "." })-\(spool.nodeID.prefix(8))"
        let files = StateFiles(directory: spool.directory, spool: spool.spool)
        let control = try openControl(node: name, spool)
        try FormerPauses.takeOver(directory: spool.directory, into: control)
        let ownView = SingleNodeView(node: name, spool: spool.directory, state: state)
        var cluster: Cluster?
        var view: any ClusterView = ownView
        if let config = try ClusterSetup.config(declared: declared.redis, url: options.redisURL) {
            let joined = try await ClusterSetup(config: config, declared: declared.redis, options: options).join(
                node: name, zone: nil, state: control, files: files, loop: group.next())
            cluster = joined
            view = RedisView(cluster: joined, node: name, hostname: hostname, isAdvertised: config.advertise != nil, own: ownView)
            ClusterMetrics.publish(joined, registry)
        }
        let services = DeliveryServices(
            hostname: hostname, nodeID: spool.nodeID, group: group, spool: spool.spool,
            router: MailRouter(resolver: resolver, configuration: routing),
            limits: LimitRoots(shared: cluster?.limits, journal: spool.limits), journal: spool.limits, registry: registry,
            metrics: NodeMetrics(registry), logs: try LogSetup(declared.logs).open(registry: registry, nodeID: spool.nodeID),
            resident: ResidentBudget(limit: options.residentBytes), durability: spool.durability,
            control: control, ruleWatch: RuleWatch(files: files), state: state, own: own, trust: try ClientContext(authorities: .system()))
        return NodeGraph(services: services, files: files, cluster: cluster, ownView: ownView, view: view)
    }

    /// The orders of this node. A spool that had some and has lost them is refused: mail could go out that must not.
    private static func openControl(node: String, _ spool: OpenSpool) throws -> ControlState {
        let control = try ControlState(
            directory: spool.directory, node: node, mustExist: spool.spool.remembers("control"), clock: Clock.wall)
        for damage in control.damages { spool.spool.report(SpoolDamage(file: damage.file, what: damage.what)) }
        if control.isKept { try spool.spool.remember("control") }
        return control
    }

    /// Puts the policies in force, and begins to measure the loops.
    private static func begin(_ shards: Shards, _ policies: [LoadedPolicy]) async -> [Heartbeat] {
        var heartbeats: [Heartbeat] = []
        for (shard, policy) in zip(shards.all, policies) {
            await policy.begin(on: shard)
            let heartbeat = Heartbeat()
            heartbeats.append(heartbeat)
            let address = shard.address
            let histogram = shards.services.metrics.loopLag.with(String(address.index))
            address.loop.execute { _ = LoopLag(loop: address.loop, histogram: histogram, heartbeat: heartbeat) }
        }
        return heartbeats
    }

    /// One Lua state per loop; the first runs `init`.
    private static func loadPolicy(_ file: String, group: MultiThreadedEventLoopGroup, http: HTTPClient) throws -> [LoadedPolicy] {
        try group.makeIterator().enumerated().map { index, loop in
            try LoadedPolicy(file, loop: loop, client: http, role: index == 0 ? .primary : .replica)
        }
    }

    private func recover() {
        services.spool.recover { [services] batch in
            // Grouped by queue, so that a batch costs one wake-up per loop. Recovery runs on a spool thread.
            var byQueue: [String: [RecoveredMessage]] = [:]
            for message in batch { byQueue[message.queue, default: []].append(message) }
            services.metrics.messageCount.add(batch.count)
            for (name, messages) in byQueue {
                services.post(services.queue(named: name), .recover(messages))
            }
        } finished: { [services] summary in
            services.state.isRecovered = true
            services.ruleWatch.recovered(services)
            Log.info(
                "spool recovered",
                [
                    "messages": summary.messages, "corrupt": summary.corruptRecords, "damaged_files": summary.damagedFiles,
                    "seconds": Double(summary.nanoseconds) / 1e9,
                ])
        }
    }

    /// Forgets rules that have ended, once a second. On a thread of its own: it may write the file.
    private func expireRules() {
        let services = services
        group.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { task in
            guard services.state.phase != .stopping else { return task.cancel() }
            NIOThreadPool.singleton.submit { _ in
                services.control.expire()
                // Without its directory there is nothing to put back.
                if case .missing = services.spool.health { return }
                if let what = services.control.mend() { services.spool.report(SpoolDamage(file: "control.state", what: what)) }
            }
        }
    }

    /// Becomes a member: from now on limits are shared.
    private func join(_ cluster: Cluster) {
        cluster.start()
        LimitModeWatch.start(cluster, store: cluster.store) { [services] in services.state.phase == .stopping }
        let memory = ClusterMemory(files: files, prefix: cluster.limits.settings.prefix)
        let key = cluster.limits.settings.prefix
        cluster.client.eventLoop.scheduleRepeatedTask(
            initialDelay: .seconds(2), delay: .nanoseconds(ClusterMemory.interval)
        ) { [services] task in
            guard services.state.phase != .stopping else { return task.cancel() }
            let epochs = cluster.limits.epochs
            guard cluster.client.runID(forKey: key) != nil, epochs.contains(where: { $0 != 0 }) else { return }
            memory.note(epochs, incarnation: cluster.incarnation)
        }
    }

    private func publishGauges() {
        let services = services
        services.registry.collect("scheduled_queue_count", "Scheduled queues in memory.", kind: .gauge) {
            [([], Double(services.queues.count))]
        }
        if cluster != nil {
            services.registry.collect(
                "control_orders_refused_total", "Orders in the store that no node of the cluster had signed.", kind: .counter
            ) { [([], Double(services.control.status.forged))] }
        }
        services.registry.collect("message_data_resident_bytes", "Bytes of message content in memory.", kind: .gauge) {
            [([], Double(services.resident.bytes))]
        }
        services.registry.collect("spool_durability", "The durability in force: 1 for the level named.", labels: ["level"], kind: .gauge) {
            [(["\(services.durability)"], 1)]
        }
        services.registry.collect(
            "tls_certificate_expiry_seconds", "When the certificate of a listener expires, seconds since 1970.", labels: ["listener"],
            kind: .gauge
        ) { [listeners] in
            listeners.map { ([$0.gate.config.listen.text], Double($0.gate.identity.current.validUntil)) }
        }
        services.registry.collect("memory_usage", "Resident bytes of the process.", kind: .gauge) {
            [([], Double(ProcessMemory.residentBytes))]
        }
    }
}

/// *Value*: what a node is made of, while it is made.
struct NodeGraph: Sendable {
    let services: DeliveryServices
    let files: StateFiles
    let cluster: Cluster?
    /// The limits this node counts by itself.
    let ownView: SingleNodeView
    let view: any ClusterView
}
