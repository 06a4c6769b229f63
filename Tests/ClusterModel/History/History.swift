package import Cluster
package import Shaping

/// All that is decided before a history runs: who takes part, what they want, what goes wrong. *Value.* The same history gives the same
/// run.
package struct History: Sendable {
    /// How a sender places its sends in its slots.
    package enum Style: String, Sendable, CaseIterable {
        /// As soon as a slot is open.
        case early
        /// In its last moment.
        case late
        /// Anywhere in it.
        case anywhere
        /// Waits until the first slot is about to close, then spends all that are open.
        case bursts
    }

    /// What a node wants of one limit.
    package struct Demand: Sendable {
        /// Mails per second; 0 = nothing, `.infinity` = always more. Of a cap: the connections wanted at once.
        package var rate: Double
        /// How sends are placed.
        package var style: Style
        /// The largest request (rates).
        package var want: Int

        /// A demand.
        package init(rate: Double, style: Style = .early, want: Int = 8) {
            self.rate = rate
            self.style = style
            self.want = want
        }
    }

    /// One limit.
    package struct Limit: Sendable {
        /// Its name.
        package var key: LimitKey
        /// The rate, or nil for a cap.
        package var spec: ThrottleSpec?
        /// The cap on connections, if it is one.
        package var cap: Int
        /// By node.
        package var demand: [Demand]

        /// A limit.
        package init(key: LimitKey, spec: ThrottleSpec?, cap: Int, demand: [Demand]) {
            self.key = key
            self.spec = spec
            self.cap = cap
            self.demand = demand
        }

        /// `100/s` or `8 connections`.
        package var text: String { spec?.text ?? "\(cap) connections" }
    }

    /// One node.
    package struct Node: Sendable {
        /// When it starts.
        package var start: Int64
        /// How wrong its clock runs.
        package var ppm: Int64
        /// What its clock shows at the beginning.
        package var offset: Int64

        /// A node.
        package init(start: Int64 = 0, ppm: Int64 = 0, offset: Int64 = 0) {
            self.start = start
            self.ppm = ppm
            self.offset = offset
        }
    }

    /// The seed of everything that is decided while it runs.
    package var seed: UInt64
    /// How long, in true nanoseconds.
    package var duration: Int64
    package var settings: ClusterSettings
    package var nodes: [Node]
    package var limits: [Limit]
    package var faults: [Fault]
    /// How wrong the store's clock runs.
    package var storePPM: Int64 = 0
    /// The usual longest one-way delay.
    package var delay: Int64
    /// How often a message is slow, and how often it is lost.
    package var slowChance = 0.0
    package var lossChance = 0.0
    /// The least time between two calls of a node.
    package var tick: Int64 = 100_000_000
    /// Senders whose bookkeeping is imperfect (returns, second requests); off for figures.
    package var isLively = true
    /// Whether nodes live on shares while the store is away, so that R6 is checked.
    package var hasShares = true
    /// Whether R1 and R2 are checked; off for comparisons that are known to break them.
    package var isChecked = true
    /// From when on the use of the limits is measured, and how much of each that is wanted enough must be used; 0 = not judged.
    package var measuredFrom: Int64 = 0
    package var leastUse = 0.0

    /// A history.
    package init(
        seed: UInt64, duration: Int64, settings: ClusterSettings, nodes: [Node], limits: [Limit], faults: [Fault] = [],
        delay: Int64 = 15 * Time.millisecond
    ) {
        self.seed = seed
        self.duration = duration
        self.settings = settings
        self.nodes = nodes
        self.limits = limits
        self.faults = faults
        self.delay = delay
    }

    /// Whether nothing at all goes wrong.
    package var isPeaceful: Bool { faults.isEmpty && slowChance == 0 && lossChance == 0 }
}
