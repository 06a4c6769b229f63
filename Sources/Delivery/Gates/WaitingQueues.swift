import DequeModule

/// *Value*: the scheduled queues that wait for room in a ready queue, each once, first come first served.
struct WaitingQueues {
    private var order = Deque<QueueGate>()
    private var members: Set<ObjectIdentifier> = []

    /// Whether no queue waits.
    package var isEmpty: Bool { order.isEmpty }

    /// Adds a queue at the end, unless it waits already.
    package mutating func add(_ queue: QueueGate) {
        if members.insert(ObjectIdentifier(queue)).inserted { order.append(queue) }
    }

    /// Takes out up to `count` queues.
    package mutating func take(_ count: Int) -> [QueueGate] {
        let taken = Array(order.prefix(count))
        order.removeFirst(taken.count)
        for queue in taken { members.remove(ObjectIdentifier(queue)) }
        return taken
    }
}
