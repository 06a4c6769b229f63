package import Cluster
package import DNS
package import NIOCore
package import Platform
package import Spool
package import Telemetry

/// *Shared*: what every shard needs and no shard owns.
package final class NodeServices: Sendable {
    package let hostname: String
    package let group: any EventLoopGroup
    package let spool: Spool
    package let router: MailRouter
    package let limits: LimitRoots
    /// What limits gave out, for the next start; nil where nothing is kept.
    let journal: LimitJournal?
    package let registry: MetricRegistry
    package let metrics: NodeMetrics
    package let logs: DeliveryLogs
    package let resident: ResidentBudget
    package let durability: Durability
    package let shards = ShardSet()
    package let nodeID: String
    let queues: QueueDirectory
    let paths: EgressPathDirectory
    /// What all nodes agree on besides limits: suspensions, bounces, rebinds.
    package let control: ControlState
    /// This node's part of the cluster; nil when it is alone.
    package let cluster: Cluster?
    /// The limits this node counts by itself.
    let alone: SingleNodeView
    /// The nodes and the limits they share.
    package let clusterView: any ClusterView
    package let ruleWatch: RuleWatch
    let bounces = BounceTallies()
    /// How many descriptors are for whom.
    package let descriptors = DescriptorBudget.current
    /// Connections to other servers.
    let egressSlots: EgressSlots
    let sweepSlots = SweepSlots(64)
    package let state: NodeState
    /// What time it is, for everything that waits in a queue.
    package let clocks: Clocks
    /// Where this node takes mail itself.
    let own: OwnAddresses

    init(
        hostname: String, nodeID: String, group: any EventLoopGroup, spool: Spool, router: MailRouter, limits: LimitRoots,
        journal: LimitJournal? = nil, registry: MetricRegistry, metrics: NodeMetrics, logs: DeliveryLogs, resident: ResidentBudget,
        durability: Durability, control: ControlState, cluster: Cluster?, alone: SingleNodeView,
        clusterView: any ClusterView, ruleWatch: RuleWatch, state: NodeState, clocks: Clocks = .machine,
        own: OwnAddresses = OwnAddresses([])
    ) {
        egressSlots = EgressSlots(limit: descriptors.egress)
        self.hostname = hostname
        self.nodeID = nodeID
        self.group = group
        self.spool = spool
        self.router = router
        self.limits = limits
        self.journal = journal
        self.registry = registry
        self.metrics = metrics
        self.logs = logs
        self.resident = resident
        self.durability = durability
        self.queues = QueueDirectory()
        self.paths = EgressPathDirectory()
        self.control = control
        self.cluster = cluster
        self.alone = alone
        self.clusterView = clusterView
        self.ruleWatch = ruleWatch
        self.state = state
        self.clocks = clocks
        self.own = own
        ruleWatch.start(control.entries, now: control.now)
        control.onChange { [weak self] entries in
            if let self { self.ruleWatch.changed(entries, self) }
        }
    }
}
