package import NIOCore
package import Redis
internal import Synchronization
internal import Telemetry

/// This node's part of a cluster: the client of the shared store and everything that lives on it. *Shared.*
///
/// *Diagnostics*: once started nothing in here fails: a store that is away shows in `limits.modes`, `membership.isStale` and the metrics.
package final class Cluster: Sendable {
    /// The connection to the store.
    package let client: RedisClient
    /// The limits all nodes share.
    package let limits: ClusterLimits
    /// Who else is there.
    package let membership: ClusterMembership
    /// Keeps suspensions and the like alike on all nodes.
    package let sync: ControlSync
    /// Counts that are added up over the cluster.
    package let counters: ClusterCounters
    /// Tells this process from former ones of the node.
    package let incarnation: UInt64
    /// The store, for the log; without credentials.
    package let store: String
    private let bus: RedisBus

    /// A member that does nothing yet.
    /// - Parameters:
    ///   - record: what the others see of this node; its name is the node's name for limits too.
    ///   - rememberedEpochs: what this node knew of the limit store a short while ago; empty for nothing.
    ///   - seal: the secret of the cluster; nil when orders are not signed.
    ///   - loop: where all exchange with the store runs.
    package static func make(
        _ configuration: RedisConfiguration, settings: ClusterSettings, record: MemberRecord, rememberedEpochs: [Int64],
        state: ControlState, seal: OrderSeal? = nil,
        loop: any EventLoop
    ) async throws -> Cluster {
        try await loop.submit {
            Cluster(
                configuration, settings: settings, record: record, rememberedEpochs: rememberedEpochs, state: state, seal: seal, loop: loop)
        }.get()
    }

    private init(
        _ configuration: RedisConfiguration, settings: ClusterSettings, record: MemberRecord, rememberedEpochs: [Int64],
        state: ControlState, seal: OrderSeal?,
        loop: any EventLoop
    ) {
        store = configuration.redactedText
        let client = RedisClient(configuration, name: "apus:\(record.node)", eventLoop: loop)
        self.client = client
        incarnation = record.incarnation
        limits = ClusterLimits(settings, node: record.node, incarnation: record.incarnation, rememberedEpochs: rememberedEpochs)
        bus = RedisBus(client: client, loop: loop, interval: settings.flushInterval, limits: limits)
        membership = ClusterMembership(prefix: settings.prefix, record: record, bus: bus, loop: loop)
        sync = ControlSync(state: state, bus: bus, loop: loop, prefix: settings.prefix, seal: seal) { channel, onMessage in
            client.subscribe(channel, onMessage: onMessage)
        }
        counters = ClusterCounters(prefix: settings.prefix, bus: bus, loop: loop)
    }

    /// Connects and begins to be a member.
    package func start() {
        client.start()
        bus.start()
        membership.start()
        sync.start()
        counters.start()
    }

    /// Gives everything back and leaves; takes a second at most.
    package func stop() async {
        counters.stop()
        sync.stop()
        let promise = client.eventLoop.makePromise(of: Void.self)
        let left = Mutex(2)
        let part: @Sendable () -> Void = {
            if left.withLock({ count -> Bool in
                count -= 1
                return count == 0
            }) {
                promise.succeed()
            }
        }
        membership.leave { _ in part() }
        bus.leave(part)
        let deadline = client.eventLoop.scheduleTask(in: .seconds(1)) {
            left.withLock { $0 = -1 }
            promise.succeed()
        }
        try? await promise.futureResult.get()
        deadline.cancel()
        await client.close()
    }

    /// Who holds what of some limits, as the store has it now; limits without an answer are missing.
    package func holders(of limits: [LimitSnapshot]) async -> [LimitHolders] {
        // One pipeline has a deadline: not more than can be answered within it.
        let limits = Array(limits.prefix(200))
        guard !limits.isEmpty else { return [] }
        let prefix = self.limits.settings.prefix
        let commands = limits.map { limit in
            RedisCommand(["HGETALL", LimitHolders.key(limit, prefix: prefix)])
        }
        let promise = client.eventLoop.makePromise(of: [Result<RedisValue, RedisFailure>].self)
        bus.submit(commands, scripts: [], urgent: false) { results, _ in promise.succeed(results) }
        let results = (try? await promise.futureResult.get()) ?? []
        return zip(limits, results).compactMap { limit, result in
            guard case .success(let value) = result else { return nil }
            return LimitHolders(limit, value)
        }
    }
}
