import NIOCore

/// What was written and not yet answered, in the order of writing. *State machine*: the order is all that says which reply is whose.
struct PendingReplies<Waiter> {
    private var entries: CircularBuffer<(waiter: Waiter, deadline: Int64)> = []

    /// How many replies are due.
    var count: Int { entries.count }

    /// The earliest deadline; nil when nothing is due. Looks at each entry: ask when a timer fires, not per reply.
    var nextDeadline: Int64? { entries.lazy.map(\.deadline).min() }

    /// A command was written.
    mutating func add(_ waiter: Waiter, deadline: Int64) { entries.append((waiter, deadline)) }

    /// A reply came: whose it is; nil when nothing was asked.
    mutating func answered() -> Waiter? { entries.popFirst()?.waiter }

    /// Whether a deadline has passed: then the connection must end, since a late reply cannot be told from the next one.
    func isExpired(now: Int64) -> Bool { entries.contains { $0.deadline <= now } }

    /// The connection ends: everybody who waits, and whether their own deadline has passed.
    mutating func drain(now: Int64) -> [(waiter: Waiter, isExpired: Bool)] {
        defer { entries.removeAll() }
        return entries.map { ($0.waiter, $0.deadline <= now) }
    }
}
