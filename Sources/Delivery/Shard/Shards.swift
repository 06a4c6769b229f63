package import Client
package import Cluster
package import Message
package import NIOCore
import Policy
package import Spool

/// *Value*: the shards of a node, to be asked about everything that lives on them.
package struct Shards: Sendable {
    /// What the shards share.
    package let services: DeliveryServices
    /// One per event loop, in the order of `services.shards`.
    package let all: [Shard]

    /// Makes the shards of a node. Their queues and paths work from now on.
    package init(_ services: DeliveryServices) {
        self.services = services
        all = services.shards.all.map { Shard($0, services: services) }
    }

    /// The shard of an event loop; nil when the loop is none of the node's.
    package func shard(on loop: any EventLoop) -> Shard? { all.first { $0.address.loop === loop } }

    /// Every scheduled queue, in no order.
    package func queueStatuses() async -> [QueueStatus] {
        var statuses: [QueueStatus] = []
        for shard in all { statuses += await shard.queueStatuses() }
        return statuses
    }

    /// How many messages the queues of that scope have, by queue.
    package func messageCounts(_ scope: ControlScope) async -> [String: Int] {
        var counts: [String: Int] = [:]
        for shard in all {
            for (queue, count) in await shard.messageCounts(scope) where count > 0 { counts[queue, default: 0] += count }
        }
        return counts
    }

    /// Why the messages of a queue do not move.
    package func explanation(of queue: QueueGate) async -> [String] { await all[queue.shard].explanation(of: queue) }

    /// Why a path sends nothing.
    package func explanation(of path: PathGate) async -> [String] { await all[path.shard].explanation(of: path) }

    /// Where a message of a queue waits; nil when the queue has handed it out.
    package func place(of handle: SpoolHandle, in queue: QueueGate) async -> [String]? {
        await all[queue.shard].place(of: handle, in: queue)
    }

    /// Where a message is, when a path has it.
    package func place(of id: MessageID) async -> [String]? {
        for shard in all {
            if let found = await shard.place(of: id) { return found }
        }
        return nil
    }

    /// The limits that queues and paths are under.
    package func limitUses() async -> [LimitUse] {
        var uses: [LimitUse] = []
        for shard in all { uses += await shard.limitUses() }
        return uses
    }
}
