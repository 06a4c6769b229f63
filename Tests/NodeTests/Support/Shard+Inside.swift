import Message
import Shaping
import Spool

@testable import Delivery

// What tests want to know of the inside of a shard.
extension Shard {
    /// The message of a queue that is due first.
    func firstDue(in gate: QueueGate) -> SpoolHandle? {
        queues[ObjectIdentifier(gate)]?.heap.first.map { SpoolHandle(raw: $0.handle) }
    }

    /// Whether a queue still has a rebind to apply.
    func isRebinding(_ gate: QueueGate) -> Bool { queues[ObjectIdentifier(gate)]?.rebinds.isEmpty == false }

    /// The messages in ready queues, in order.
    func readyMessages() -> [MessageID] {
        paths.values.flatMap { path in path.assumeIsolated { $0.lane.ready.map(\.message.id) } }
    }
}
