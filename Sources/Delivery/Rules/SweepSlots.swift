import Synchronization

/// *Shared*: how many messages the node reads back at a time to bounce or rebind them.
///
/// A rule may match a million deferred messages in as many queues: only so many of them are in memory at once, whoever asks first.
final class SweepSlots: Sendable {
    private struct State {
        var free: Int
        package var waiting = WaitingQueues()
    }

    private let state: Mutex<State>

    package init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Takes a slot; without one the queue is called again (`continueSweep`) when one is free.
    package func take(for queue: ScheduledQueue) -> Bool {
        state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return true
            }
            state.waiting.add(queue)
            return false
        }
    }

    /// Gives a slot back.
    package func give() {
        state.withLock { $0.free += 1 }
        wakeNext()
    }

    /// Calls a queue that waits, if there is a slot for it; it passes on what it does not need.
    private func wakeNext() {
        let next = state.withLock { $0.free > 0 ? $0.waiting.take(1).first : nil }
        guard let next else { return }
        next.shard.postLater(
            .run { [self] in
                next.continueSweep()
                wakeNext()
            })
    }

    /// Slots nobody uses.
    var free: Int { state.withLock { $0.free } }
}
