import DequeModule
import Synchronization

/// *Shared*: how many connections to other servers the node has, and may have (`DescriptorBudget.egress`).
///
/// Paths that want more wait in the order in which they asked. A slot that becomes free is kept for the first of them, or paths that are busy
/// would take it again before it comes to its turn.
final class EgressSlots: Sendable {
    private struct State {
        var limit: Int
        /// Connections, and slots kept for paths that were called.
        var used = 0
        var waiting = Deque<PathGate>()
        var members: Set<ObjectIdentifier> = []
        var granted: Set<ObjectIdentifier> = []
        var shedAt = Int64.min
    }

    private let state: Mutex<State>
    private let contended = Atomic<Bool>(false)

    /// - Parameter limit: connections that there may be.
    package init(limit: Int) { state = Mutex(State(limit: limit)) }

    /// Set by tests only.
    package var limit: Int {
        get { state.withLock { $0.limit } }
        set { state.withLock { $0.limit = newValue } }
    }

    /// Connections, and slots kept for some.
    package var used: Int { state.withLock { $0.used } }

    /// Some path waits: connections should not be kept idle.
    var isContended: Bool { contended.load(ordering: .relaxed) }

    /// Takes a slot for a connection; without one the path is called again (`PathCommand.slotGranted`) when one is free.
    package func take(for path: PathGate) -> Bool {
        state.withLock { state in
            let id = ObjectIdentifier(path)
            if state.granted.remove(id) != nil { return true }
            if state.used < state.limit {
                state.used += 1
                return true
            }
            if state.members.insert(id).inserted { state.waiting.append(path) }
            contended.store(true, ordering: .relaxed)
            return false
        }
    }

    /// Gives a slot back.
    /// - Returns: the path to be called (`PathCommand.slotGranted`), for which the slot is kept.
    func give() -> PathGate? {
        state.withLock { state -> PathGate? in
            guard state.used <= state.limit, let next = state.waiting.popFirst() else {
                state.used -= 1
                return nil
            }
            state.members.remove(ObjectIdentifier(next))
            state.granted.insert(ObjectIdentifier(next))
            contended.store(!state.waiting.isEmpty, ordering: .relaxed)
            return next
        }
    }

    /// Whether a slot is still kept for a path that was called and needs none any more; it is to be given back then.
    func forgetGrant(of path: PathGate) -> Bool { state.withLock { $0.granted.remove(ObjectIdentifier(path)) != nil } }

    /// Whether idle connections of other paths should be asked for, which is done once a second.
    func claimShedding(now: Int64) -> Bool {
        state.withLock { state in
            guard state.shedAt <= now else { return false }
            state.shedAt = now + 1_000_000_000
            return true
        }
    }
}
