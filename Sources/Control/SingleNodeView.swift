package import Client
package import Cluster
package import Delivery
import NIOCore
package import Resources
import Synchronization

/// *Shared*: the view of a node that is alone: one member, and the limits its own paths and queues have.
package final class SingleNodeView: ClusterView {
    private struct Facts: Sendable {
        /// Where the HTTP listener is; empty without one.
        package var address = ""
        var shards: Shards?
    }

    private let node: String
    private let spool: String
    private let state: NodeState
    private let joined = Clock.wall()
    private let facts = Mutex(Facts())

    /// The view of a node under its name.
    package init(node: String, spool: String, state: NodeState) {
        self.node = node
        self.spool = spool
        self.state = state
    }

    /// Whose limits to report.
    package func watch(_ shards: Shards) { facts.withLock { $0.shards = shards } }

    package func announce(address: String) { facts.withLock { $0.address = address } }

    package func members() -> [MemberRecord] {
        [
            MemberRecord(
                node: node, incarnation: UInt64(bitPattern: joined), address: facts.withLock { $0.address }, zone: "",
                version: NodeVersion.text,
                state: state.phase == .ready ? "ready" : state.phase == .starting ? "starting" : "draining", spools: [spool],
                joined: joined,
                lastSeen: 0, status: .alive)
        ]
    }

    /// Nothing to do: a node alone knows no other.
    package func forget(node: String) async -> Bool { false }

    package func limits(cluster: Bool) async -> [LimitStatus] {
        guard let shards = facts.withLock({ $0.shards }) else { return [] }
        var sum = LimitSum(node: node)
        sum.add(await shards.limitUses())
        return sum.statuses
    }
}
