package import DNS
package import NIOCore
package import Spool
package import Telemetry

/// *Shared*: what every shard needs and no shard owns.
package final class NodeServices: Sendable {
    package let hostname: String
    package let group: any EventLoopGroup
    package let spool: Spool
    package let router: MailRouter
    package let limits: LimitRoots
    package let registry: MetricRegistry
    package let metrics: NodeMetrics
    package let logs: DeliveryLogs
    package let resident: ResidentBudget
    package let durability: Durability
    package let shards = ShardSet()
    package let nodeID: String
    let queues: QueueDirectory
    let paths: EgressPathDirectory
    let pauses: PauseList
    let state: NodeState

    init(
        hostname: String, nodeID: String, group: any EventLoopGroup, spool: Spool, router: MailRouter, limits: LimitRoots,
        registry: MetricRegistry, metrics: NodeMetrics, logs: DeliveryLogs, resident: ResidentBudget,
        durability: Durability, pauses: PauseList, state: NodeState
    ) {
        self.hostname = hostname
        self.nodeID = nodeID
        self.group = group
        self.spool = spool
        self.router = router
        self.limits = limits
        self.registry = registry
        self.metrics = metrics
        self.logs = logs
        self.resident = resident
        self.durability = durability
        self.queues = QueueDirectory()
        self.paths = EgressPathDirectory()
        self.pauses = pauses
        self.state = state
    }
}
