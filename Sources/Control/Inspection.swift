package import Client
package import Cluster
package import Delivery
import NIOCore

/// *Value*: what there is on this node: its queues and what they hold.
package struct Inspection: Sendable {
    private let shards: Shards

    /// Looks at the node of these shards.
    package init(_ shards: Shards) { self.shards = shards }

    /// Every scheduled queue; the most loaded first.
    package func queues() async -> [QueueStatus] {
        await shards.queueStatuses().sorted { ($0.scheduled + $0.active, $1.queue) > ($1.scheduled + $1.active, $0.queue) }
    }

    /// How many messages a bounce of that scope would end on this node now.
    package func bounceCount(_ scope: ControlScope) async -> BounceCount {
        let counts = await shards.messageCounts(scope)
        return BounceCount(id: nil, bounced: counts, totalBounced: counts.values.reduce(0, +))
    }
}
