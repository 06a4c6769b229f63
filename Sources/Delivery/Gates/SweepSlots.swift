import Synchronization

/// *Shared*: how many messages the node reads back at a time to bounce or rebind them.
///
/// A rule may match a million deferred messages in as many queues: only so many of them are in memory at once, in the order of asking.
final class SweepSlots: Sendable {
    private struct State {
        var free: Int
        var waiting = WaitingQueues()
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Takes a slot; without one the queue is called again (`QueueCommand.sweepSlotFree`) when one is free.
    func take(for queue: QueueGate) -> Bool {
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
    func give() { state.withLock { $0.free += 1 } }

    /// A queue that waits, if there is a slot for it; it passes on what it does not need.
    func next() -> QueueGate? { state.withLock { $0.free > 0 ? $0.waiting.take(1).first : nil } }

    /// Slots nobody uses.
    var free: Int { state.withLock { $0.free } }
}
