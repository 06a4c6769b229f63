import DequeModule
import Synchronization

/// *Shared*: how many connections to other servers the node has, and may have (`DescriptorBudget.egress`).
///
/// Paths that want more wait in the order in which they asked. A slot that becomes free is kept for the first of them, or paths that are busy
/// would take it again before it comes to its turn.
final class EgressSlots: Sendable {
    private struct State {
        package var limit: Int
        /// Connections, and slots kept for paths that were called.
        package var used = 0
        package var waiting = Deque<EgressPath>()
        package var members: Set<ObjectIdentifier> = []
        package var granted: Set<ObjectIdentifier> = []
        var shedAt = Int64.min
    }

    private let state: Mutex<State>
    private let contended = Atomic<Bool>(false)

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

    /// Takes a slot for a connection; without one the path is called again (`serve`) when one is free.
    package func take(for path: EgressPath) -> Bool {
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
    package func give() {
        let next = state.withLock { state -> EgressPath? in
            guard state.used <= state.limit, let next = state.waiting.popFirst() else {
                state.used -= 1
                return nil
            }
            state.members.remove(ObjectIdentifier(next))
            state.granted.insert(ObjectIdentifier(next))
            contended.store(!state.waiting.isEmpty, ordering: .relaxed)
            return next
        }
        guard let next else { return }
        next.shard.postLater(
            .run { [self] in
                next.serve()
                // It may need none any more.
                if state.withLock({ $0.granted.remove(ObjectIdentifier(next)) != nil }) { give() }
            })
    }

    /// Whether idle connections of other paths should be asked for, which is done once a second.
    func claimShedding(now: Int64) -> Bool {
        state.withLock { state in
            guard state.shedAt <= now else { return false }
            state.shedAt = now + 1_000_000_000
            return true
        }
    }
}
