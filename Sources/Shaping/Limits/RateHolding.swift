/// The slots one limiter holds and what it waits for. *State machine*; its owner performs the steps it answers.
struct RateHolding: Sendable {
    /// What the owner has to do.
    enum Step: Sendable, Equatable {
        case granted
        case wait(until: Int64)
        /// Return `surplus` (it may be empty), ask the root, then call `take` again.
        case ask(want: Int, surplus: RateSlots)
    }

    private let largestRun: Int
    private var current = RateSlots.none
    private var following = RateSlots.none
    private var batch = RateSlots.none
    /// The slots of the last take, in case they are given back.
    private var taken = RateSlots.none
    private var refusedUntil = Int64.min
    /// When another caller asked whose answer is not here yet.
    private var askedAt: Int64?
    /// How many slots to ask for: doubled when a run was used up soon, halved when slots lapsed or it took long. Callers who come seldom
    /// must
    /// not hold slots that others could use.
    private var want = 1
    private var lastRun = 0
    private var runBegan = Int64.min / 4
    private var wasted = false
    private var isClosed = false

    /// How long the request of another caller is awaited.
    static let patience: Int64 = 1_000_000_000
    /// When to look again while an answer is awaited.
    static let look: Int64 = 5_000_000

    /// Nothing held.
    /// - Parameter largestRun: the most slots to ask for at once, other than for a batch.
    init(largestRun: Int) { self.largestRun = largestRun }

    /// Takes `n` slots at `now`.
    mutating func take(_ n: Int, now: Int64) -> Step {
        if isClosed { return .wait(until: now + Self.patience) }
        if n > largestRun { return takeBatch(n, now: now) }
        dropClosed(now: now)
        if current.count >= n {
            let open = current.opening(of: n)
            guard open <= now else { return .wait(until: open) }
            taken = current.remove(n)
            return .granted
        }
        // Too few in one run for this take: they go back (if they are still the last) and a whole run is asked for.
        if following.count >= n {
            current = following
            following = .none
            return take(n, now: now)
        }
        return ask(max(n, want), now: now) { holding in
            let surplus = holding.current
            holding.current = .none
            return surplus
        }
    }

    private mutating func takeBatch(_ n: Int, now: Int64) -> Step {
        _ = batch.dropClosed(now: now)
        if batch.count >= n {
            guard batch.firstOpen <= now else { return .wait(until: batch.firstOpen) }
            taken = batch.remove(n)
            batch = .none
            return .granted
        }
        return ask(n, now: now) { holding in
            let surplus = holding.batch
            holding.batch = .none
            return surplus
        }
    }

    private mutating func ask(_ n: Int, now: Int64, surplus: (inout RateHolding) -> RateSlots) -> Step {
        if let askedAt, now - askedAt < Self.patience { return .wait(until: now + Self.look) }
        if now < refusedUntil { return .wait(until: refusedUntil) }
        let back = surplus(&self)
        return .ask(want: startAsking(n, now: now), surplus: back)
    }

    private mutating func startAsking(_ n: Int, now: Int64) -> Int {
        askedAt = now
        return n
    }

    private mutating func dropClosed(now: Int64) {
        if current.dropClosed(now: now) > 0 {
            wasted = true
            want = max(1, want / 2)
        }
        guard current.isEmpty else { return }
        if lastRun > 0 {
            if !wasted { want = now - runBegan <= current.tolerance / 2 ? min(want * 2, largestRun) : max(1, want / 2) }
            lastRun = 0
        }
        guard !following.isEmpty else { return }
        current = following
        following = .none
        lastRun = current.count
        runBegan = now
        wasted = false
        if current.dropClosed(now: now) > 0 { wasted = true }
    }

    /// The root's answer. Answers slots for which there is no room; they go back.
    mutating func receive(_ lease: RateLease) -> RateSlots {
        let began = askedAt ?? runBegan
        askedAt = nil
        switch lease {
        case .retry(let at):
            refusedUntil = at
            return .none
        case .slots(let slots):
            refusedUntil = .min
            if isClosed { return slots }
            if slots.interval == 0, slots.count > 1 {
                if !batch.isEmpty { return slots }
                batch = slots
            } else if current.isEmpty {
                current = slots
                lastRun = slots.count
                runBegan = began
                wasted = false
            } else if following.isEmpty {
                following = slots
            } else {
                return slots
            }
            return .none
        }
    }

    /// The request that `take` just announced was not sent.
    mutating func requestDropped() { askedAt = nil }

    /// Puts `n` of the slots last taken back; answers those the root should have instead.
    mutating func give(_ n: Int, now: Int64) -> RateSlots {
        var slots = taken
        taken = .none
        guard n > 0, !slots.isEmpty, !isClosed else { return .none }
        slots.keepFirst(n)
        if slots.interval > 0, slots.firstClose >= now, current.restore(slots) { return .none }
        return slots
    }

    /// Gives everything up for good; answers the slots to return, the latest first, so that each is the tail when it comes.
    mutating func close() -> [RateSlots] {
        isClosed = true
        let held = [batch, following, current].filter { !$0.isEmpty }
        batch = .none
        following = .none
        current = .none
        taken = .none
        return held.sorted { $0.firstOpen > $1.firstOpen }
    }
}
