package import Cluster
package import DNS
package import NIOCore
package import Platform
package import Resources
package import Spool
package import TLS
package import Telemetry

/// *Shared*: what shards, queues and paths need and none of them owns.
package final class DeliveryServices: Sendable {
    /// The name of this node in SMTP.
    package let hostname: String
    /// The event loops.
    package let group: any EventLoopGroup
    /// Where messages are kept.
    package let spool: Spool
    /// Finds the hosts of a domain.
    package let router: MailRouter
    /// Where limits are agreed.
    package let limits: LimitRoots
    /// What limits gave out, for the next start; nil where nothing is kept.
    package let journal: LimitJournal?
    /// All metrics.
    package let registry: MetricRegistry
    /// The metrics of the mail path.
    package let metrics: NodeMetrics
    /// The accounting logs.
    package let logs: DeliveryLogs
    /// How much may be in memory.
    package let resident: ResidentBudget
    /// How durable a message is before its 250.
    package let durability: Durability
    /// The addresses of the shards.
    package let shards: ShardSet
    /// The id of the spool's owner, for records.
    package let nodeID: String
    /// The scheduled queues by name.
    package let queues: QueueDirectory
    /// The egress paths by name.
    package let paths: PathDirectory
    /// What all nodes agree on besides limits: suspensions, bounces, rebinds.
    package let control: ControlState
    /// Carries changed rules to queues and paths.
    package let ruleWatch: RuleWatch
    /// What bounce rules have ended.
    package let bounces = BounceTallies()
    /// How many descriptors are for whom.
    package let descriptors = DescriptorBudget.current
    /// Connections to other servers.
    let egressSlots: EgressSlots
    let sweepSlots = SweepSlots(64)
    /// Where the node is in its life.
    package let state: NodeState
    /// What time it is, for everything that waits in a queue.
    package let clocks: Clocks
    /// Where this node takes mail itself.
    package let own: OwnAddresses
    /// Whom to trust with mail; nil when nothing can be encrypted.
    package let trust: ClientContext?

    /// The services of a node. Shards are made of them, and rules are watched from now on.
    package init(
        hostname: String, nodeID: String, group: any EventLoopGroup, spool: Spool, router: MailRouter, limits: LimitRoots,
        journal: LimitJournal? = nil, registry: MetricRegistry, metrics: NodeMetrics, logs: DeliveryLogs, resident: ResidentBudget,
        durability: Durability, control: ControlState, ruleWatch: RuleWatch, state: NodeState, clocks: Clocks = .machine,
        own: OwnAddresses = OwnAddresses([]), trust: ClientContext? = nil
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
        self.trust = trust
        ruleWatch.start(control.entries, now: control.now)
        control.onChange { [weak self] entries in
            if let self { self.ruleWatch.changed(entries, self) }
        }
    }
}
