package import Client
package import Cluster
package import Delivery
import NIOCore
import Synchronization

/// *Shared*: the view of a node that is alone: one member, and the limits its own paths and queues have.
package final class SingleNodeView: ClusterView {
    private struct Facts: Sendable {
        package var address = ""
        package weak var services: DeliveryServices?
    }

    private let node: String
    private let spool: String
    private let state: NodeState
    private let joined = Clock.wall()
    private let facts = Mutex(Facts())

    package init(node: String, spool: String, state: NodeState) {
        self.node = node
        self.spool = spool
        self.state = state
    }

    /// Whose limits to report.
    package func watch(_ services: DeliveryServices) { facts.withLock { $0.services = services } }

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
        guard let services = facts.withLock({ $0.services }) else { return [] }
        var sum = LimitSum(node: node)
        for shard in services.shards.all {
            let paths = services.paths.all.filter { $0.shard === shard }
            let queues = services.queues.all.filter { $0.shard === shard }
            let uses = try? await shard.loop.submit { paths.flatMap { $0.limitUses() } + queues.compactMap { $0.limitUse() } }.get()
            sum.add(uses ?? [])
        }
        return sum.statuses
    }
}
