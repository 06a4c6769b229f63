internal import Synchronization

/// What the copies of a rate limiter share. *Shared*: one transition per critical section, requests after unlock.
final class RateBook: Sendable {
    private let key: LimitKey
    private let spec: ThrottleSpec
    private let root: any LimitRoot
    private let holding: Mutex<RateHolding>

    init(key: LimitKey, spec: ThrottleSpec, root: any LimitRoot) {
        self.key = key
        self.spec = spec
        self.root = root
        holding = Mutex(RateHolding(largestRun: RateRule(spec).largestRun))
    }

    /// Unused slots go back with the limiter; what cannot go back lapses.
    deinit { close() }

    /// Takes `n` of the rate.
    func take(_ n: Int, now: Int64) -> LimitDecision {
        let n = min(max(1, n), max(1, spec.limit))
        switch holding.withLock({ $0.take(n, now: now) }) {
        case .granted: return .granted
        case .wait(let until): return .wait(untilNanoseconds: until)
        case .ask(let want, let surplus):
            giveBack(surplus)
            ask(want, now: now)
        }
        switch holding.withLock({ $0.take(n, now: now) }) {
        case .granted: return .granted
        case .wait(let until): return .wait(untilNanoseconds: until)
        case .ask(_, let surplus):
            // Another caller has taken what came: not twice in one call.
            giveBack(surplus)
            holding.withLock { $0.requestDropped() }
            return .wait(untilNanoseconds: now + RateHolding.look)
        }
    }

    /// Puts `n` of the last take back.
    func give(_ n: Int, now: Int64) {
        giveBack(holding.withLock { $0.give(n, now: now) })
    }

    /// Returns what is held.
    func close() {
        for slots in holding.withLock({ $0.close() }) { giveBack(slots) }
    }

    private func ask(_ want: Int, now: Int64) {
        let lease = root.leaseRate(key, spec: spec, want: want, now: now)
        giveBack(holding.withLock { $0.receive(lease) })
    }

    private func giveBack(_ slots: RateSlots) {
        if !slots.isEmpty { root.returnRate(key, spec: spec, slots: slots) }
    }
}
