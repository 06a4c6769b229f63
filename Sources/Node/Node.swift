import AsyncHTTPClient
import Cluster
import DNS
import Glibc
import Message
import NIOCore
import NIOPosix
import Policy
import Redis
import SMTP
package import Shaping
import Spool
import Synchronization
import System
import Telemetry

/// *Shared*: one node: everything between the sockets and the disk, in its order of start and stop.
///
/// *Diagnostics*: `start` throws one sentence with the remedy; after it, nothing in here ends the process.
package final class Node: Sendable {
    package let services: NodeServices
    package let options: NodeOptions
    let listeners: [SMTPListener]
    let http: HTTPClient
    let heartbeats: [Heartbeat]
    private let group: MultiThreadedEventLoopGroup
    private let channels = Mutex<[any Channel]>([])
    /// `<proto> listener on <ip:port>` for each listener, as printed.
    package let addresses: [String]
    package let httpConfig: HTTPListenerConfig?

    private init(
        services: NodeServices, options: NodeOptions, listeners: [SMTPListener], http: HTTPClient, heartbeats: [Heartbeat],
        group: MultiThreadedEventLoopGroup, addresses: [String], httpConfig: HTTPListenerConfig?
    ) {
        self.services = services
        self.options = options
        self.listeners = listeners
        self.http = http
        self.heartbeats = heartbeats
        self.group = group
        self.addresses = addresses
        self.httpConfig = httpConfig
    }

    // MARK: Start

    /// Loads the policy, binds the sockets, drops privileges, opens the spool and starts to take mail.
    package static func start(_ options: NodeOptions) async throws -> Node {
        signal(SIGPIPE, SIG_IGN)
        raiseFileLimit()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops ?? System.coreCount)
        let http = HTTPClient(eventLoopGroupProvider: .shared(group))
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
        let engines = try await loadPolicy(options.policyFile, group: group, http: http)
        let declared = try await engines[0].declarations()
        var sockets: [(config: ESMTPListenerConfig, socket: BoundSocket)] = []
        for config in declared.listeners {
            sockets.append((config, try BoundSocket(host: config.listen.host, port: config.listen.port)))
        }
        if let user = options.user { try Privileges.drop(to: user) }

        let registry = MetricRegistry()
        let spool = try SpoolSetup(declared.spools, options: options).open(registry: registry)
        let services = try await makeServices(options, declared, group: group, registry: registry, spool: spool)
        let heartbeats = await startShards(services, engines: engines, group: group)
        let seed = UInt64.random(in: .min ... .max)
        let listeners = sockets.map { SMTPListener(config: $0.config, services: services, nodeSeed: seed) }
        let node = Node(
            services: services, options: options, listeners: listeners, http: http, heartbeats: heartbeats, group: group,
            addresses: sockets.map { "esmtp listener on \($0.socket.address)" },
            httpConfig: try options.httpConfig(declared.httpListeners))
        node.publishGauges()
        services.alone.watch(services)
        if let cluster = services.cluster { node.join(cluster, directory: spool.directory) }
        node.expireRules()
        node.recover()
        services.state.phase = .ready
        for (listener, bound) in zip(listeners, sockets) {
            let channel = try await listener.start(socket: bound.socket, shards: services.shards, group: group)
            node.channels.withLock { $0.append(channel) }
        }
        return node
    }

    private static func makeServices(
        _ options: NodeOptions, _ declared: PolicyDeclarations, group: any EventLoopGroup, registry: MetricRegistry,
        spool: OpenSpool
    ) async throws -> NodeServices {
        var resolving = options.resolver
        var routing = MailRouterConfiguration()
        if let longest = declared.negativeTTL { (resolving.negativeTTL, routing.negativeTTL) = (longest, longest) }
        let resolver = try Resolver(resolving)
        let state = NodeState()
        let hostname = options.hostname ?? HostName.current
        let name = options.nodeName ?? "\(hostname.prefix { $0 != "." })-\(spool.nodeID.prefix(8))"
        let control = try ControlState(directory: spool.directory, node: name, clock: Clock.wall)
        try FormerPauses.takeOver(directory: spool.directory, into: control)
        let alone = SingleNodeView(node: name, spool: spool.directory, state: state)
        var cluster: Cluster?
        var view: any ClusterView = alone
        if let config = try ClusterSetup.config(declared: declared.redis, url: options.redisURL) {
            let joined = try await ClusterSetup(config: config).join(
                node: name, zone: nil, state: control, directory: spool.directory, loop: group.next())
            cluster = joined
            view = RedisView(cluster: joined, node: name, hostname: hostname, isAdvertised: config.advertise != nil, alone: alone)
            ClusterMetrics.publish(joined, registry)
        }
        return NodeServices(
            hostname: hostname, nodeID: spool.nodeID, group: group, spool: spool.spool,
            router: MailRouter(resolver: resolver, configuration: routing),
            limits: cluster.map { LimitRoots(shared: $0.limits, local: InProcessLimitRoot()) } ?? LimitRoots(), registry: registry,
            metrics: NodeMetrics(registry), logs: try LogSetup(declared.logs).open(registry: registry, nodeID: spool.nodeID),
            resident: ResidentBudget(limit: options.residentBytes), durability: spool.durability,
            control: control, cluster: cluster, alone: alone, clusterView: view, ruleWatch: RuleWatch(directory: spool.directory),
            state: state)
    }

    private static func startShards(
        _ services: NodeServices, engines: [LoopEngine], group: any EventLoopGroup
    ) async -> [Heartbeat] {
        let shards = engines.enumerated().map { Shard(index: $0.offset, loop: $0.element.loop, services: services) }
        services.shards.install(shards)
        var heartbeats: [Heartbeat] = []
        for (shard, engine) in zip(shards, engines) {
            let heartbeat = Heartbeat()
            heartbeats.append(heartbeat)
            try? await shard.loop.submit {
                engine.host.value.services = services
                shard.start(engine: engine.engine.value)
                _ = LoopLag(
                    loop: shard.loop, histogram: services.metrics.loopLag.with(String(shard.index)), heartbeat: heartbeat)
            }.get()
        }
        return heartbeats
    }

    /// One Lua state per loop; the first runs `init`.
    private static func loadPolicy(
        _ file: String, group: MultiThreadedEventLoopGroup, http: HTTPClient
    ) async throws -> [LoopEngine] {
        var engines: [LoopEngine] = []
        var isFirst = true
        for loop in group.makeIterator() {
            let role: PolicyRole = isFirst ? .primary : .replica
            isFirst = false
            engines.append(
                try await loop.submit {
                    let host = ShardPolicyHost(loop: loop, client: http)
                    let engine = try PolicyEngine(file: file, host: host, role: role, limits: PolicyLimits())
                    return LoopEngine(loop: loop, engine: LoopBound(engine), host: LoopBound(host))
                }.get())
        }
        return engines
    }

    private func recover() {
        services.spool.recover { [services] batch in
            // Grouped by queue, so that a batch costs one wake-up per loop. Recovery runs on a spool thread.
            var byQueue: [String: [RecoveredMessage]] = [:]
            for message in batch { byQueue[message.queue, default: []].append(message) }
            services.metrics.messageCount.add(batch.count)
            for (name, messages) in byQueue {
                let queue = services.queue(named: name)
                queue.shard.postLater(.run { for message in messages { queue.recover(message) } })
            }
        } finished: { [services] summary in
            services.state.isRecovered = true
            services.ruleWatch.recovered(services)
            Log.info(
                "spool recovered",
                ["messages": summary.messages, "corrupt": summary.corruptRecords, "seconds": Double(summary.nanoseconds) / 1e9])
        }
    }

    /// Forgets rules that have ended, once a second. On a thread of its own: it may write the file.
    private func expireRules() {
        let services = services
        group.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { task in
            guard services.state.phase != .stopping else { return task.cancel() }
            NIOThreadPool.singleton.submit { _ in services.control.expire() }
        }
    }

    /// Becomes a member: from now on limits are shared.
    private func join(_ cluster: Cluster, directory: String) {
        cluster.start()
        let memory = ClusterMemory(directory: directory, prefix: cluster.limits.settings.prefix)
        let key = cluster.limits.settings.prefix
        cluster.client.eventLoop.scheduleRepeatedTask(
            initialDelay: .seconds(2), delay: .nanoseconds(ClusterMemory.interval)
        ) { [services] task in
            guard services.state.phase != .stopping else { return task.cancel() }
            let epochs = cluster.limits.epochs
            guard cluster.client.runID(forKey: key) != nil, epochs.contains(where: { $0 != 0 }) else { return }
            NIOThreadPool.singleton.submit { _ in memory.note(epochs, incarnation: cluster.incarnation) }
        }
    }

    private func publishGauges() {
        let services = services
        services.registry.collect("scheduled_queue_count", "Scheduled queues in memory.", kind: .gauge) {
            [([], Double(services.queues.count))]
        }
        services.registry.collect("message_data_resident_bytes", "Bytes of message content in memory.", kind: .gauge) {
            [([], Double(services.resident.bytes))]
        }
        services.registry.collect("spool_durability", "The durability in force: 1 for the level named.", labels: ["level"], kind: .gauge) {
            [(["\(services.durability)"], 1)]
        }
        services.registry.collect("memory_usage", "Resident bytes of the process.", kind: .gauge) {
            [([], Double(ProcessMemory.residentBytes))]
        }
    }

    // MARK: Stop

    /// Stops taking mail, lets transactions in flight finish up to `deadline`, and makes the queue safe on disk.
    package func stop(deadline: Duration = .seconds(8)) async {
        services.state.phase = .stopping
        services.cluster?.membership.update { $0.state = "draining" }
        for channel in channels.withLock({ $0 }) { try? await channel.close() }
        for listener in listeners { listener.shutdown() }
        for path in services.paths.all { path.shard.postLater(.run { path.stop() }) }
        let end = Clock.monotonic() + deadline.wholeNanoseconds
        while Clock.monotonic() < end, services.metrics.openConnections > 0 {
            try? await Task.sleep(for: .milliseconds(20))
        }
        for path in services.paths.all { path.shard.postLater(.run { path.releaseLimits() }) }
        // Outcomes that are on their way between loops still have to reach the spool.
        for _ in 0..<2 { for shard in services.shards.all { try? await shard.loop.submit {}.get() } }
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let thread = NIOThreadPool(numberOfThreads: 1)
            thread.start()
            thread.submit { [services] _ in
                services.spool.close()
                services.logs.close()
                done.resume()
            }
        }
        await services.cluster?.stop()
        try? await http.shutdown()
        try? await group.shutdownGracefully()
    }
}

/// *Value*: the Lua state of a loop, before there are shards.
struct LoopEngine: Sendable {
    let loop: any EventLoop
    let engine: LoopBound<PolicyEngine>
    let host: LoopBound<ShardPolicyHost>

    func declarations() async throws -> PolicyDeclarations {
        let engine = engine
        return try await loop.submit { engine.value.declarations }.get()
    }
}

extension NodeServices {
    /// The queue of that name, from any thread.
    func queue(named name: String) -> ScheduledQueue {
        queues.queue(named: name) {
            let parsed = (try? QueueName(parsing: name)) ?? QueueName(fallback: name)
            let domain = parsed.routingDomain ?? parsed.domain
            let site = router.cachedRoute(domain, now: .now())?.siteName ?? domain
            return ScheduledQueue(name: name, parsed: parsed, shard: shards.shard(for: site))
        }
    }
}
