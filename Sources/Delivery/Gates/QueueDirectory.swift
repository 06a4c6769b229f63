import Message
import Synchronization

/// *Shared*: the scheduled queues of the node by name. A queue keeps the loop it was made on for its whole life.
package final class QueueDirectory: Sendable {
    private let queues = Mutex<[String: QueueGate]>([:])
    private let grouped = Mutex<[ObjectIdentifier: QueueGate]>([:])

    /// The queue of that name; made by `make` when there is none.
    package func queue(named name: String, make: () -> QueueGate) -> QueueGate {
        queues.withLock { queues in
            if let queue = queues[name] { return queue }
            let queue = make()
            queues[name] = queue
            return queue
        }
    }

    /// The queue of that name, if there is one.
    package func existing(named name: String) -> QueueGate? { queues.withLock { $0[name] } }

    /// Forgets a queue that has been idle; on its loop.
    package func remove(_ queue: QueueGate) {
        queues.withLock { queues in
            if queues[queue.name] === queue { queues[queue.name] = nil }
        }
        grouped.withLock { $0[ObjectIdentifier(queue)] = nil }
    }

    /// The queue has got messages of other queues.
    func addGroup(_ queue: QueueGate) { grouped.withLock { $0[ObjectIdentifier(queue)] = queue } }

    /// The isolation groups, in no order.
    package var groups: [QueueGate] { grouped.withLock { Array($0.values) } }

    /// All queues, in no order.
    package var all: [QueueGate] { queues.withLock { Array($0.values) } }
    /// How many queues there are.
    package var count: Int { queues.withLock { $0.count } }
}
