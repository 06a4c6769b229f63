import Synchronization

/// Counts what the connections of a client do. *Shared*: atomics.
final class RedisCounters: Sendable {
    let roundTrips = Atomic<Int>(0)
    let commands = Atomic<Int>(0)
    let timeouts = Atomic<Int>(0)
    let reconnects = Atomic<Int>(0)
    let breakerOpenings = Atomic<Int>(0)
    private let lastError = Mutex<String?>(nil)

    /// Remembers a failure for the operator.
    func note(_ error: String) { lastError.withLock { $0 = error } }

    /// The figures now.
    var snapshot: RedisStatistics {
        RedisStatistics(
            roundTrips: roundTrips.load(ordering: .relaxed), commands: commands.load(ordering: .relaxed),
            timeouts: timeouts.load(ordering: .relaxed), reconnects: reconnects.load(ordering: .relaxed),
            breakerOpenings: breakerOpenings.load(ordering: .relaxed), lastError: lastError.withLock { $0 })
    }
}
