package import Cluster
package import DNS
package import NIOCore
package import Platform
package import Resources
package import Spool
package import Telemetry

/// *Shared*: what shards, queues and paths need and none of them owns.
package final class DeliveryServices: Sendable {
    package let hostname: String
    package let group: any EventLoopGroup
    package let spool: Spool
    package let router: MailRouter
    package let limits: LimitRoots
    /// What limits gave out, for the next start; nil where nothing is kept.
    package let journal: LimitJournal?
    package let registry: MetricRegistry
    package let metrics: NodeMetrics
    package let logs: DeliveryLogs
    package let resident: ResidentBudget
    package let durability: Durability
    package let shards: ShardSet
    package let nodeID: String
    package let queues: QueueDirectory
    package let paths: PathDirectory
    /// What all nodes agree on besides limits: suspensions, bounces, rebinds.
    package let control: ControlState
    package let ruleWatch: RuleWatch
    package let bounces = BounceTallies()
    /// How many descriptors are for whom.
    package let descriptors = DescriptorBudget.current
    /// Connections to other servers.
    let egressSlots: EgressSlots
    let sweepSlots = SweepSlots(64)
    package let state: NodeState
    /// What time it is, for everything that waits in a queue.
    package let clocks: Clocks
    /// Where this node takes mail itself.
    package let own: OwnAddresses

    package init(
        hostname: String, nodeID: String, group: any EventLoopGroup, spool: Spool, router: MailRouter, limits: LimitRoots,
        journal: LimitJournal? = nil, registry: MetricRegistry, metrics: NodeMetrics, logs: DeliveryLogs, resident: ResidentBudget,
        durability: Durability, control: ControlState, ruleWatch: RuleWatch, state: NodeState, clocks: Clocks = .machine,
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
        self.paths = PathDirectory()
        shards = ShardSet(group)
        self.control = control
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
