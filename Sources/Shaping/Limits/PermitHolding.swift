/// The permits one limiter holds. *State machine*; its owner performs the steps it answers.
struct PermitHolding: Sendable {
    /// What the owner has to do.
    enum Step: Sendable, Equatable {
        case granted
        case wait(until: Int64)
        /// Ask the root, then call `take` again.
        case ask(want: Int, limit: Int)
    }

    /// The limit over all holders.
    private(set) var limit: Int
    private(set) var inUse = 0
    private(set) var free = 0
    private var askedAt: Int64?
    private var refusedUntil = Int64.min
    private var refusals = 0
    private var isClosed = false
    /// Whether there was room under the present limit: only then is anything kept spare.
    private var hasRoom = false

    /// Nothing held.
    init(limit: Int) { self.limit = limit }

    /// Takes a permit.
    mutating func take(now: Int64) -> Step {
        if isClosed || limit < 1 { return .wait(until: now + RateHolding.patience) }
        if inUse >= limit {  // lowered while permits were out
            return .wait(until: now + Self.longestWait)
        }
        if free > 0 {
            free -= 1
            inUse += 1
            return .granted
        }
        if let askedAt, now - askedAt < RateHolding.patience { return .wait(until: now + RateHolding.look) }
        if now < refusedUntil { return .wait(until: refusedUntil) }
        askedAt = now
        return .ask(want: 1 + spare, limit: limit)
    }

    /// How many unused permits are kept for the next connection: a quarter of those in use, at most 7, none when idle.
    private var spare: Int { min(7, inUse / 4) }

    /// Another limit; says how many permits to return.
    mutating func setLimit(_ limit: Int) -> Int {
        if limit < self.limit { hasRoom = false }
        self.limit = limit
        return surplus()
    }

    /// The root's answer; says how many permits to return.
    mutating func receive(_ lease: PermitLease, askedAt now: Int64) -> Int {
        askedAt = nil
        switch lease {
        case .retry(let at):
            // Freed permits are not announced: look often at first, then twice as long each time.
            refusals = min(refusals + 1, 5)
            refusedUntil = min(max(at, now + Self.shortestWait << Int64(refusals - 1)), max(at, now + Self.longestWait))
            return 0
        case .permits(let count):
            refusals = 0
            refusedUntil = .min
            if isClosed { return max(0, count) }
            hasRoom = true
            free += max(0, count)
            return 0
        }
    }

    /// A permit is no longer in use; says how many permits to return.
    mutating func give() -> Int {
        guard inUse > 0 else { return 0 }  // closed meanwhile, or taken from a limiter that this one replaced
        inUse -= 1
        free += 1
        return surplus()
    }

    /// Takes away what is beyond the spare.
    private mutating func surplus() -> Int {
        let back = max(0, free - (hasRoom ? spare : 0))
        free -= back
        return back
    }

    /// Takes away all that is not in use.
    mutating func surrender() -> Int {
        defer { free = 0 }
        return free
    }

    /// Gives everything up for good; says how many permits to return.
    mutating func close() -> Int {
        defer {
            free = 0
            inUse = 0
            isClosed = true
        }
        return free + inUse
    }

    private static let shortestWait: Int64 = 20_000_000
    private static let longestWait: Int64 = 200_000_000
}
