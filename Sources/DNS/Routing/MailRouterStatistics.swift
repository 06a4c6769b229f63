internal import Synchronization

/// Counts of MX resolution, for the metrics `dns_mx_resolve_*`. *Value.*
package struct MailRouterStatistics: Sendable, Hashable {
    /// Look-ups under way.
    package var inProgress: Int
    /// Questions answered from memory.
    package var cacheHits: Int
    /// Questions that had to be asked.
    package var cacheMisses: Int
    /// Look-ups that found a route.
    package var ok: Int
    /// Look-ups that found none.
    package var failed: Int
}

/// The counters behind the statistics. *Shared.*
final class MailRouterCounters: Sendable {
    let hits = Atomic<Int>(0)
    let misses = Atomic<Int>(0)
    let ok = Atomic<Int>(0)
    let failed = Atomic<Int>(0)

    func count(_ counter: borrowing Atomic<Int>) { counter.wrappingAdd(1, ordering: .relaxed) }
}
