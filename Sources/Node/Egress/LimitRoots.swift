package import Shaping

/// *Value*: where limits are agreed: what the cluster shares (this process alone without a cluster), and what is counted here in any case.
package struct LimitRoots: Sendable {
    package let shared: any LimitRoot
    package let local: any LimitRoot

    /// The roots of a node that is alone.
    package init() { self.init(shared: Self.inProcess(), local: Self.inProcess()) }

    /// A root that allows for the way of messages and connections to their peers, where the limits are promised to hold.
    package static func inProcess() -> InProcessLimitRoot { InProcessLimitRoot(isGuarded: true) }

    package init(shared: any LimitRoot, local: any LimitRoot) {
        self.shared = shared
        self.local = local
    }

    /// The root of a rate: `local:` rates stay on this node.
    func root(for spec: ThrottleSpec) -> any LimitRoot { spec.isLocal ? local : shared }
}
