/// The rates of a root, by key. *State machine.* Idle ones are dropped, and their number is bounded.
struct RateTable: Sendable {
    private var states: [LimitKey: RateState] = [:]
    private let grace: Int64
    private let isGuarded: Bool
    private let capacity: Int
    private var sweepAt = Int64.min
    private let ledger: (any RateLedger)?

    /// A table with what the ledger has recorded, or an empty one.
    init(grace: Int64, isGuarded: Bool = false, capacity: Int, ledger: (any RateLedger)? = nil, now: Int64 = 0) {
        self.grace = grace
        self.isGuarded = isGuarded
        self.capacity = capacity
        self.ledger = ledger
        for (key, record) in ledger?.recorded ?? [:] { states[key] = RateState(record, grace: grace, isGuarded: isGuarded, now: now) }
    }

    /// How many keys are remembered.
    var count: Int { states.count }

    /// Grants slots of a rate, or says when to try again.
    mutating func lease(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64) -> RateLease {
        sweep(now: now)
        // In place: a copy of a state would copy its log.
        if let index = states.index(forKey: key) {
            let lease = states.values[index].lease(want, spec: spec, grace: grace, isGuarded: isGuarded, now: now)
            return written(lease, key, spec, now: now)
        }
        // Full of rates in use: to wait is safe, to forget one is not.
        guard states.count < capacity else { return .retry(atNanoseconds: now + Self.fullWait) }
        var state = RateState(spec: spec, grace: grace, isGuarded: isGuarded, now: now)
        // Of one that is not recorded, a former process may have used all.
        if let used = ledger?.usedUntil(spec), used + 2 * state.rule.period > now {
            state = RateState(spec: spec, grace: grace, isGuarded: isGuarded, usedUntil: used)
        }
        let lease = state.lease(want, now: now)
        states[key] = state
        return written(lease, key, spec, now: now)
    }

    /// A grant counts once it is written down: before it is used, so that the next process knows of it whenever this one ends.
    private mutating func written(_ lease: RateLease, _ key: LimitKey, _ spec: ThrottleSpec, now: Int64) -> RateLease {
        guard case .slots(let slots) = lease, let ledger, ledger.covers(spec), let record = states[key]?.record else { return lease }
        if ledger.write(key, record) { return lease }
        states[key]?.giveBack(slots, spec: spec)
        return .retry(atNanoseconds: now + Self.fullWait)
    }

    /// All states that the ledger covers, to be written down anew.
    func records() -> [(key: LimitKey, record: RateRecord)] {
        guard let ledger else { return [] }
        return states.compactMap { ledger.covers($0.value.spec) ? ($0.key, $0.value.record) : nil }
    }

    /// Takes back unused slots.
    mutating func giveBack(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots) {
        states[key]?.giveBack(slots, spec: spec)
        // When this cannot be written, more counts as used than was: safe.
        if let ledger, ledger.covers(spec), let record = states[key]?.record { _ = ledger.write(key, record) }
    }

    /// Drops what is idle: once a minute, sooner when the table is full.
    private mutating func sweep(now: Int64) {
        guard now >= sweepAt else { return }
        // Only what goes is hashed; the walk itself is short.
        var idle: [LimitKey] = []
        for (key, state) in states where state.isIdle(now: now - Self.skew) { idle.append(key) }
        for key in idle { states.removeValue(forKey: key) }
        sweepAt = now + (states.count >= capacity ? Self.fullWait : Self.sweepInterval)
    }

    /// Callers read the clock before they reach the lock, so one with an earlier time may still come. Far more than a thread is ever held
    /// up.
    private static let skew: Int64 = 10_000_000_000
    private static let sweepInterval: Int64 = 60_000_000_000
    private static let fullWait: Int64 = 250_000_000
}

extension RateState {
    /// Grants under `spec`, which need not be the rate of the last grant.
    fileprivate mutating func lease(_ want: Int, spec: ThrottleSpec, grace: Int64, isGuarded: Bool, now: Int64) -> RateLease {
        if spec.isSameRate(as: self.spec) { return lease(want, now: now) }
        var changed = changed(to: spec, grace: grace, isGuarded: isGuarded, now: now)
        let lease = changed.lease(want, now: now)
        // Refused: the rate in force stays, else two that disagree would refuse each other for ever.
        if case .slots = lease { self = changed }
        return lease
    }

    fileprivate mutating func giveBack(_ slots: RateSlots, spec: ThrottleSpec) {
        if spec.isSameRate(as: self.spec) { giveBack(slots) }
    }
}
