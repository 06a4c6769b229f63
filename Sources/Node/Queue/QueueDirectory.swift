import Message
import Synchronization

/// *Shared*: the scheduled queues of the node by name. A queue keeps the loop it was made on for its whole life.
final class QueueDirectory: Sendable {
    private let queues = Mutex<[String: ScheduledQueue]>([:])

    /// The queue of that name; made by `make` when there is none.
    func queue(named name: String, make: () -> ScheduledQueue) -> ScheduledQueue {
        queues.withLock { queues in
            if let queue = queues[name] { return queue }
            let queue = make()
            queues[name] = queue
            return queue
        }
    }

    /// The queue of that name, if there is one.
    func existing(named name: String) -> ScheduledQueue? { queues.withLock { $0[name] } }

    /// Forgets a queue that has been idle; on its loop.
    func remove(_ queue: ScheduledQueue) {
        queues.withLock { queues in
            if queues[queue.name] === queue { queues[queue.name] = nil }
        }
    }

    /// All queues, in no order.
    var all: [ScheduledQueue] { queues.withLock { Array($0.values) } }
    var count: Int { queues.withLock { $0.count } }
}
