package import Client
package import Cluster
package import Delivery
import NIOCore

/// *Value*: what there is on this node: its queues and what they hold.
package struct Inspection: Sendable {
    private let services: DeliveryServices

    /// Looks at the node of these services.
    package init(_ services: DeliveryServices) { self.services = services }

    /// Every scheduled queue; the most loaded first.
    package func queues() async -> [QueueStatus] {
        var all: [QueueStatus] = []
        for shard in services.shards.all {
            let queues = services.queues.all.filter { $0.shard === shard }
            let part = try? await shard.loop.submit { queues.map { $0.status() } }.get()
            all += part ?? []
        }
        return all.sorted { ($0.scheduled + $0.active, $1.queue) > ($1.scheduled + $1.active, $0.queue) }
    }

    /// How many messages a bounce of that scope would end on this node now.
    package func bounceCount(_ scope: ControlScope) async -> BounceCount {
        var counts: [String: Int] = [:]
        for shard in services.shards.all {
            let queues = services.queues.all.filter { $0.shard === shard && scope.matches(queue: $0.parts) }
            let part = try? await shard.loop.submit { queues.map { ($0.name, $0.heap.count + ($0.sweep?.pending.count ?? 0) + $0.out) } }
                .get()
            for (name, count) in part ?? [] where count > 0 { counts[name, default: 0] += count }
        }
        return BounceCount(id: nil, bounced: counts, totalBounced: counts.values.reduce(0, +))
    }
}
