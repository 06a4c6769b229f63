internal import Synchronization

/// Counts of MX resolution, for the metrics `dns_mx_resolve_*`. *Value.*
package struct MailRouterStatistics: Sendable, Hashable {
    package var inProgress: Int
    package var cacheHits: Int
    package var cacheMisses: Int
    package var ok: Int
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
