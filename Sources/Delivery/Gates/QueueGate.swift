package import Cluster
package import Message
import Platform
import Synchronization

/// *Shared*: what every loop may see of a scheduled queue at once: its name, its shard, the rules about it, and a few atomic facts.
///
/// The queue itself belongs to its shard. Other loops name it by its gate and send it a `QueueCommand`.
package final class QueueGate: Sendable {
    /// The name as printed, in its canonical form.
    package let name: String
    /// The name, taken apart.
    package let parsed: QueueName
    /// The parts of the name that the scopes of rules match.
    package let parts: QueueParts
    /// What rules of the control plane say of the queue.
    package let rules: QueueRules
    /// The queue as an isolation group remembers it.
    package let origin: GroupOrigin
    /// The index of the shard that owns the queue.
    package let shard: Int

    private let recall = Atomic<MonotonicInstant>(.distantPast)
    private let retired = Atomic<Bool>(false)
    private let group = Atomic<Bool>(false)

    /// The gate of a queue that lives on that shard.
    package init(name: String, parsed: QueueName, shard: Int) {
        self.name = name
        self.parsed = parsed
        self.shard = shard
        parts = QueueParts(parsed, name: name)
        rules = QueueRules(parts: parts)
        origin = GroupOrigin(name: name, parts: parts, rules: rules)
    }

    /// The domain whose route the queue's messages take.
    package var routingDomain: String { parsed.routingDomain ?? parsed.domain }

    /// Whether the queue was given up because it was idle. A message that still comes is passed on to the next queue of that name.
    var isRetired: Bool { retired.load(ordering: .acquiring) }
    /// The queue is given up.
    func retire() { retired.store(true, ordering: .releasing) }

    /// Whether another queue sends its messages here (`queue_name`).
    var isGroup: Bool { group.load(ordering: .sequentiallyConsistent) }
    /// Another queue sends its messages here.
    func becomeGroup() { group.store(true, ordering: .sequentiallyConsistent) }

    /// Messages received until then come back from ready queues to be rebound.
    var recallUntil: MonotonicInstant {
        get { recall.load(ordering: .acquiring) }
        set { recall.store(newValue, ordering: .releasing) }
    }

    /// Whether a message of this queue may not be sent now and belongs back into its queue.
    package func holds(_ message: QueuedMessage, _ control: ControlState) -> Bool {
        if rules.current(control).isHolding || message.isHeldByOrigin(control) { return true }
        let recall = recallUntil
        return message.received <= recall && message.reboundUntil < recall
    }
}
