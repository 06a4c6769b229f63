package import Cluster
import Platform
import Synchronization

/// *Shared*: the rules that hold for one scheduled queue, looked up again only when some rule of the node changed or one of them ended.
///
/// Every message asks, on whatever loop it is: without this each would search all rules.
package final class QueueRules: Sendable {
    /// *Value*: what was found.
    package struct Found: Sendable {
        /// The suspension in force.
        package var suspension: ControlEntry?
        /// The bounce in force.
        package var bounce: ControlEntry?

        /// Nothing may be sent.
        var isHolding: Bool { suspension != nil || bounce != nil }
        /// No rule holds.
        package static let none = Found()
    }

    /// Boxed: almost no queue has a rule, and there may be millions of queues.
    private final class Box: Sendable {
        let found: Found
        let until: MonotonicInstant
        init(_ found: Found, until: MonotonicInstant) {
            self.found = found
            self.until = until
        }
    }

    private struct State: Sendable {
        var generation = Int.min
        var box: Box?
    }

    private let parts: QueueParts
    private let state = Mutex(State())

    /// The rules about the queue with that name, not looked up yet.
    package init(parts: QueueParts) { self.parts = parts }

    /// The rules that hold now; from any loop.
    package func current(_ control: ControlState) -> Found {
        // Read before the look-up: a change in between is seen by the next call.
        let generation = control.generation
        let known = state.withLock { state -> Found? in
            guard state.generation == generation else { return nil }
            guard let box = state.box else { return Found.none }
            return box.until > control.now ? box.found : nil
        }
        if let known { return known }
        let found = Found(suspension: control.suspension(of: parts), bounce: control.bounce(of: parts))
        let until = min(found.suspension?.end.instant ?? .distantFuture, found.bounce?.end.instant ?? .distantFuture)
        state.withLock {
            $0.generation = generation
            $0.box = found.isHolding ? Box(found, until: until) : nil
        }
        return found
    }
}
