internal import Synchronization

/// The books of one concurrency limiter: asks the root, and returns everything at its end. *Shared*; requests are made after unlock.
///
/// What is held lives in a `PermitSpare` of its own, because the root keeps that: were it this object, it would never end.
final class PermitBook: Sendable {
    private let key: LimitKey
    private let root: any LimitRoot
    private let spare: PermitSpare
    private let isEnrolled = Atomic(false)

    init(key: LimitKey, limit: Int, root: any LimitRoot) {
        self.key = key
        self.root = root
        spare = PermitSpare(limit: limit)
    }

    /// Nobody is left who could give: everything goes back.
    deinit { close() }

    /// Takes a permit.
    func take(now: Int64) -> LimitDecision {
        switch spare.holding.withLock({ $0.take(now: now) }) {
        case .granted: return .granted
        case .wait(let until): return .wait(untilNanoseconds: until)
        case .ask(let want, let limit): ask(want, limit: limit, now: now)
        }
        switch spare.holding.withLock({ $0.take(now: now) }) {
        case .granted: return .granted
        case .wait(let until): return .wait(untilNanoseconds: until)
        case .ask(let want, let limit):
            // Granted, and surrendered to another in between. What the second request brings is for the next call.
            ask(want, limit: limit, now: now)
            return .wait(untilNanoseconds: now + RateHolding.look)
        }
    }

    /// A permit is free again.
    func give() { giveBack(spare.holding.withLock { $0.give() }) }

    /// Another limit from now on.
    func setLimit(_ limit: Int) { giveBack(spare.holding.withLock { $0.setLimit(limit) }) }

    /// Returns everything.
    func close() {
        giveBack(spare.holding.withLock { $0.close() })
        if isEnrolled.exchange(false, ordering: .acquiringAndReleasing) { root.withdraw(spare, for: key) }
    }

    private func ask(_ want: Int, limit: Int, now: Int64) {
        if want > 1, isEnrolled.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged {
            root.enrol(spare, for: key)
        }
        let lease = root.leasePermits(key, limit: limit, want: want, now: now)
        giveBack(spare.holding.withLock { $0.receive(lease, askedAt: now) })
    }

    private func giveBack(_ count: Int) { if count > 0 { root.returnPermits(key, count: count) } }
}
