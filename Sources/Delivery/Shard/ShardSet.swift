package import NIOCore

/// *Shared*: the addresses of a node's shards, one per event loop, and the rule that places a site on one of them.
package final class ShardSet: Sendable {
    /// In the order of the event loops.
    package let all: [ShardAddress]

    /// One address for each loop of the group.
    package init(_ group: any EventLoopGroup) {
        all = group.makeIterator().enumerated().map { ShardAddress(index: $0.offset, loop: $0.element) }
    }

    /// The index of the shard that owns `site`. FNV-1a: the same site lands on the same loop in every run, which makes traces comparable.
    package func index(for site: String) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in site.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(hash % UInt64(all.count))
    }

    /// Asks something of a queue, on whatever loop it is.
    package func post(_ queue: QueueGate, _ command: consuming QueueCommand) { all[queue.shard].post(.queue(queue, command)) }

    /// Asks something of a path, on whatever loop it is.
    package func post(_ path: PathGate, _ command: consuming PathCommand) { all[path.shard].post(.path(path, command)) }

    /// Asks the same of many queues, on whatever loops they are.
    package func post(_ queues: [QueueGate], _ command: QueueCommand) {
        for (shard, part) in Dictionary(grouping: queues, by: \.shard) { all[shard].post(.each(part[...], command)) }
    }
}
