package import Shaping

/// How the nodes of a cluster share limits. *Value.* All durations in nanoseconds.
///
/// Nodes of one cluster should agree on these; the store goes by what each caller says of itself.
package struct ClusterSettings: Sendable {
    /// What all keys begin with.
    package var prefix = "apus"
    /// Hash tags over which the limits are spread; each costs a script call per flush.
    package var buckets = 4
    /// The least time between two pipelines of a node.
    package var flushInterval: Int64 = 100_000_000
    /// How long a stream's bandwidth is leased.
    package var rateTTL: Int64 = 1_000_000_000
    /// How often a leased stream is renewed.
    package var rateRefresh: Int64 = 400_000_000
    /// The least time between two questions about one key.
    package var keySpacing: Int64 = 250_000_000
    /// How often an idle bucket is called.
    package var heartbeat: Int64 = 1_000_000_000
    /// After how long a silence the store reserves a node's share.
    package var heartbeatTimeout: Int64 = 3_000_000_000
    /// A reply slower than this counts as none.
    package var slowestReply: Int64 = 100_000_000
    /// How long a node that is cut off lives on its share.
    package var shareTTL: Int64 = 60_000_000_000
    /// How long a block of permits is leased.
    package var permitTTL: Int64 = 15_000_000_000
    /// How long before the end of the lease no transaction is started any more.
    package var permitMargin: Int64 = 3_000_000_000
    /// How long before the end of the lease connections are closed.
    package var closeMargin: Int64 = 1_000_000_000
    /// How often a block is renewed.
    package var permitRefresh: Int64 = 5_000_000_000
    /// Idle permits are given back after this.
    package var permitIdle: Int64 = 2_000_000_000
    /// How much longer the permits of a node that vanished stay taken.
    package var crashHold: Int64 = 0
    /// How long a store that nobody knows is watched before anything is granted.
    package var freshQuiet: Int64 = 5_000_000_000
    /// How long a permit is kept while others wait for one.
    package var quantum: Int64 = 30_000_000_000
    /// After how many transactions a permit is passed on while others wait.
    package var quantumMessages = 100
    /// What follows a share lease that ran out, for limits that do not say.
    package var storeLoss: StoreLoss = .closed

    /// The defaults of docs/cluster.md.
    package init() {}

    /// The time over which a stream's unused bandwidth may be caught up, in nanoseconds: what a late timer may miss.
    static func slack(period: Int64) -> Int64 { period <= 5_000_000_000 ? 20_000_000 : 100_000_000 }

    /// How long a slot or a logged slot stays open, in nanoseconds.
    static func tolerance(period: Int64) -> Int64 { min(1_000_000_000, max(50_000_000, period / 50)) }
}
