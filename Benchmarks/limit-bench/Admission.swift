import Shaping

/// Who says whether a message may go now. One object per node. *Loop-confined.*
protocol RateAdmission: AnyObject {
    /// Asks for one message of that key.
    func take(_ key: Int, now: Int64) -> LimitDecision
    /// What it cost so far.
    var cost: AdmissionCost { get }
    /// Gives back what is unused.
    func close()
}

/// Who says whether a connection may be opened now. *Loop-confined.*
protocol PermitAdmission: AnyObject {
    /// Asks for one connection.
    func take(now: Int64) -> LimitDecision
    /// A connection was closed.
    func give(now: Int64)
    /// How many of those open must be closed at once.
    func excess(now: Int64) -> Int
    /// What it cost so far.
    var cost: AdmissionCost { get }
    /// Gives back what is unused.
    func close()
}

/// What admission has cost. *Value.*
struct AdmissionCost {
    /// Times something was written to the store and an answer awaited.
    var roundTrips = 0
    /// Commands in them.
    var commands = 0
    /// Calls that failed.
    var errors = 0
}

/// Limits of the product, from any root. *Loop-confined.*
final class LimiterAdmission: RateAdmission {
    private var limiters: [RateLimiter]
    private let root: LeaseRoot

    init(spec: ThrottleSpec, keys: Int, root: LeaseRoot) {
        limiters = (0..<keys).map { RateLimiter(key: LimitKey(name: "bench-\(spec.text)-\($0)"), spec: spec, root: root.root) }
        self.root = root
    }

    func take(_ key: Int, now: Int64) -> LimitDecision { limiters[key].take(1, now: now) }
    var cost: AdmissionCost { root.cost() }
    func close() {
        for index in limiters.indices { limiters[index].close() }
        root.close()
    }
}

/// A cap of the product, from any root, used as an egress path uses it. *Loop-confined.*
final class LimiterPermits: PermitAdmission {
    private let key = LimitKey(name: "bench-connections")
    private var limiter: ConcurrencyLimiter
    private let root: LeaseRoot
    private var open = 0

    init(cap: Int, root: LeaseRoot) {
        limiter = ConcurrencyLimiter(key: key, limit: cap, root: root.root)
        self.root = root
    }

    func take(now: Int64) -> LimitDecision {
        guard now < root.root.permitTerms(key, now: now).startBy else { return .wait(untilNanoseconds: now + 100_000_000) }
        let decision = limiter.take(now: now)
        if decision == .granted { open += 1 }
        return decision
    }

    func give(now: Int64) {
        open -= 1
        limiter.give(now: now)
    }

    /// One transaction of every connection is taken to end whenever this is asked.
    func excess(now: Int64) -> Int {
        root.root.noteTransactions(key, count: open)
        let terms = root.root.permitTerms(key, now: now)
        if now >= terms.closeBy { return open }
        var count = terms.excess
        while count < open, root.root.claimRecall(key) { count += 1 }
        return count
    }

    var cost: AdmissionCost { root.cost() }
    func close() {
        limiter.close()
        root.close()
    }
}
