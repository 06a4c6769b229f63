import Cluster

/// *Shared*: a queue whose messages move to an isolation group, as the group and its messages remember it.
///
/// Rules about that queue go on holding for its messages wherever they are. It is not the queue itself, which may be reaped meanwhile.
final class GroupOrigin: Sendable {
    let name: String
    let parts: QueueParts
    private let rules: QueueRules

    init(name: String, parts: QueueParts, rules: QueueRules) {
        self.name = name
        self.parts = parts
        self.rules = rules
    }

    /// The rules about the queue; from any loop.
    func current(_ control: ControlState) -> QueueRules.Found { rules.current(control) }
}
