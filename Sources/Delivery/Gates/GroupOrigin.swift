package import Cluster

/// *Shared*: a queue whose messages move to an isolation group, as the group and its messages remember it.
///
/// Rules about that queue go on holding for its messages wherever they are. It is not the queue itself, which may be reaped meanwhile.
package final class GroupOrigin: Sendable {
    /// The name of the queue.
    package let name: String
    /// Its parts, as scopes match them.
    package let parts: QueueParts
    private let rules: QueueRules

    /// The origin that is the queue of that name.
    package init(name: String, parts: QueueParts, rules: QueueRules) {
        self.name = name
        self.parts = parts
        self.rules = rules
    }

    /// The rules about the queue; from any loop.
    package func current(_ control: ControlState) -> QueueRules.Found { rules.current(control) }
}
