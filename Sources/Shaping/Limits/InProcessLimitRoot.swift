internal import Synchronization

/// The root of all limits when the process is alone. *Shared*: two locked tables; it answers at once, after unlock.
///
/// Bounded: at most `capacity` rates and as many connection limits are remembered, and idle ones are dropped. With all places in use a new key has to
/// wait.
package final class InProcessLimitRoot: LimitRoot {
    private let rates: Mutex<RateTable>
    private let permits: Mutex<PermitTable>

    /// A root with nothing used.
    /// - Parameter isGuarded: whether its rates are to hold where a peer counts, after the way there (`RateRule`).
    package convenience init(isGuarded: Bool = false) { self.init(grace: 0, isGuarded: isGuarded) }

    /// A root whose answers may be late.
    /// - Parameters:
    ///   - grace: nanoseconds an answer may be under way; 0 for callers inside the process.
    ///   - isGuarded: see above.
    ///   - capacity: how many keys are remembered.
    ///   - ledger: where rates are written down before they are used; nil when they may be forgotten with the process.
    ///   - now: monotonic nanoseconds.
    package init(
        grace: Int64, isGuarded: Bool = false, capacity: Int = 262_144, ledger: (any RateLedger)? = nil, now: Int64 = 0
    ) {
        rates = Mutex(RateTable(grace: grace, isGuarded: isGuarded, capacity: max(1, capacity), ledger: ledger, now: now))
        permits = Mutex(PermitTable(capacity: max(1, capacity)))
    }

    /// How many keys are remembered, rates and connection limits.
    package var keyCounts: (rates: Int, permits: Int) { (rates.withLock { $0.count }, permits.withLock { $0.count }) }

    /// The rates that the ledger covers, as they are now.
    package func records() -> [(key: LimitKey, record: RateRecord)] { rates.withLock { $0.records() } }

    package func leaseRate(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64) -> RateLease {
        rates.withLock { $0.lease(key, spec: spec, want: want, now: now) }
    }

    package func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots) {
        rates.withLock { $0.giveBack(key, spec: spec, slots: slots) }
    }

    package func leasePermits(_ key: LimitKey, limit: Int, want: Int, now: Int64) -> PermitLease {
        var granted = permits.withLock { $0.lease(key, limit: limit, want: want) }
        if granted == 0, want > 0 {
            // Holders are asked outside the lock: they have locks of their own.
            for holder in permits.withLock({ $0.holders(of: key) }) where granted == 0 {
                let count = holder.surrender()
                guard count > 0 else { continue }
                granted = permits.withLock {
                    $0.giveBack(key, count: count)
                    return $0.lease(key, limit: limit, want: 1)
                }
            }
        }
        return granted > 0 ? .permits(granted) : .retry(atNanoseconds: now)
    }

    package func returnPermits(_ key: LimitKey, count: Int) {
        permits.withLock { $0.giveBack(key, count: count) }
    }

    package func enrol(_ holder: any PermitHolder, for key: LimitKey) {
        permits.withLock { $0.enrol(holder, for: key) }
    }

    package func withdraw(_ holder: any PermitHolder, for key: LimitKey) {
        permits.withLock { $0.withdraw(holder, for: key) }
    }
}
