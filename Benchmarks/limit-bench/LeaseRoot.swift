import Cluster
import NIOCore
import NIOPosix
import Redis
import Shaping

/// The root of limits of one node, and what it has cost. *Loop-confined.*
struct LeaseRoot {
    /// The root.
    let root: any LimitRoot
    /// Calls to the store so far.
    let cost: () -> AdmissionCost
    /// Gives everything back to the store.
    let close: () -> Void

    /// This process alone: the root of `static`.
    static func local() -> LeaseRoot { LeaseRoot(root: InProcessLimitRoot(), cost: { AdmissionCost() }, close: {}) }

    /// The cluster's limits over a store, exchanged on a thread of their own as in a node.
    static func cluster(url: String, node: String) throws -> LeaseRoot {
        let configuration: RedisConfiguration
        do { configuration = try RedisConfiguration(urls: [url]) } catch { throw BenchError("\(error)") }
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
        let (client, limits, bus) = try loop.submit {
            let settings = ClusterSettings()
            let client = RedisClient(configuration, name: "limit-bench:\(node)", eventLoop: loop)
            let limits = ClusterLimits(settings, node: node, incarnation: NIODeadline.now().uptimeNanoseconds / 1000, rememberedEpochs: [])
            let bus = RedisBus(client: client, loop: loop, interval: settings.flushInterval, limits: limits)
            client.start()
            bus.start()
            return (client, limits, bus)
        }.wait()
        return LeaseRoot(
            root: limits,
            cost: {
                let statistics = client.statistics
                return AdmissionCost(roundTrips: statistics.roundTrips, commands: statistics.commands, errors: statistics.timeouts)
            },
            close: {
                let left = loop.makePromise(of: Void.self)
                // A store that is away does not hold up the end.
                let deadline = loop.scheduleTask(in: .seconds(1)) { left.succeed() }
                bus.leave { left.succeed() }
                try? left.futureResult.wait()
                deadline.cancel()
            })
    }
}
