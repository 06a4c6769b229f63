package import Shaping

/// *Value*: where limits are agreed: what the cluster shares (this process alone without a cluster), and what is counted here in any case.
package struct LimitRoots: Sendable {
    /// What the cluster shares; this process without a cluster.
    package let shared: any LimitRoot
    /// What this node counts in any case.
    package let local: any LimitRoot
    /// The rates at which clients may connect; each listener counts its own.
    package let clients: any LimitRoot

    /// The roots of a node that is alone and forgets what it gave out.
    package init() { self.init(shared: Self.outbound(), local: Self.outbound(), clients: InProcessLimitRoot()) }

    /// A root that allows for the way of messages and connections to their peers, where the limits are promised to hold.
    private static func outbound() -> InProcessLimitRoot { InProcessLimitRoot(isGuarded: true) }

    /// - Parameters:
    ///   - shared: what the cluster agrees on; nil without a cluster.
    ///   - journal: where the roots of this node write down what they give out.
    package init(shared: (any LimitRoot)?, journal: LimitJournal) {
        self.init(shared: shared ?? journal.root(0), local: journal.root(1), clients: journal.root(LimitJournal.clients))
    }

    /// Roots as they are given.
    package init(shared: any LimitRoot, local: any LimitRoot, clients: any LimitRoot) {
        self.shared = shared
        self.local = local
        self.clients = clients
    }

    /// The root of a rate: `local:` rates stay on this node.
    package func root(for spec: ThrottleSpec) -> any LimitRoot { spec.isLocal ? local : shared }
}
