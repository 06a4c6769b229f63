package import NIOCore
import Synchronization

/// *Shared*: the shards of a node, one per event loop, and the rule that places a site on one of them.
package final class ShardSet: Sendable {
    private let storage = Mutex<[Shard]>([])

    package init() {}

    /// Set once at start, before any mail moves.
    package func install(_ shards: [Shard]) { storage.withLock { $0 = shards } }

    package var all: [Shard] { storage.withLock { $0 } }

    /// The shard that owns `site`. FNV-1a: the same site lands on the same loop in every run, which makes traces comparable.
    package func shard(for site: String) -> Shard {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in site.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return storage.withLock { $0[Int(hash % UInt64($0.count))] }
    }

    /// The shard of an event loop.
    package func shard(on loop: any EventLoop) -> Shard? { storage.withLock { $0.first { $0.loop === loop } } }
}
