/// How a rate is kept: the spacing, burst and tolerance that follow from a written rate. *Value.*
///
/// The promise is strict: in no window of length P (both ends included) are there more than L takes, however the window is laid.
///
/// *Large limits* are paced. Slots start at least T' apart, and each may be used for D after its start. The takes in a window [a, a + P]
/// then
/// belong to slots that start in [a - D, a + P], at most (P + D) / T' + 1 rounded down, which is at most L whenever (P + D) / T' < L.
/// With
/// B slots that may be open together (D = B T' - 1 + G) that gives T' = (P + G) / (L - B), rounded up.
///
/// *Why the burst is bounded:* each slot of burst is one taken off the sustained rate, because a window may begin with a burst and go on
/// at
/// full pace. The usual token bucket ignores this: `1000/min` with a burst of 1000 lets 2000 go in the first minute. So a
/// `max_burst` beyond 4 % of L has no further effect on a large limit, and 96 % of L stays usable. D is also how late a
/// caller may come without losing its slot, so a small `max_burst` on a fast rate loses what a late timer misses.
///
/// *Small limits* (L up to 64) could not pay for that, so they are kept by an exact log of the last L takes, with the whole burst;
/// `max_burst`
/// below L additionally paces them.
package struct RateRule: Sendable, Hashable {
    /// The largest limit that is kept by the exact log.
    package static let largestLogged = 64

    /// L: how many per period.
    package let limit: Int
    /// P, in nanoseconds.
    package let period: Int64
    /// B: how many slots may be open at the same time.
    package let burst: Int
    /// T': nanoseconds from slot to slot. Whole nanoseconds, so rates near one per nanosecond lose up to half; no mail is that fast.
    package let interval: Int64
    /// D: how long a slot stays open (large limits), or G (small ones).
    package let tolerance: Int64
    /// J: how much longer than P the limit is kept, for what is counted by a peer: what is done at the end of one period may reach it late,
    /// and what is done at the beginning of the next at once. Not spendable here.
    let guardTime: Int64
    /// How far ahead of now the first slot of a lease may open. It bounds what a holder that goes away can waste.
    package let horizon: Int64
    /// How far before now the first slot of a lease may have opened: it must stay open while the answer is under way.
    let reach: Int64
    /// How late after its opening a reserved batch may still be used, beyond the tolerance.
    let batchGrace: Int64

    /// The rule of a rate.
    /// - Parameters:
    ///   - grace: G, what an answer may be late; 0 where the root answers at once.
    ///   - isGuarded: whether the promise is to hold at a peer, see `guardTime`.
    package init(_ spec: ThrottleSpec, grace: Int64 = 0, isGuarded: Bool = false) {
        // Clamped so that no sum below can leave 64 bits, whatever a spec made in code says.
        let grace = min(max(0, grace), 60_000_000_000)
        limit = min(max(1, spec.limit), 1_000_000_000_000)
        period = min(max(1, spec.periodNanoseconds), 400 * 86_400_000_000_000)
        horizon = min(500_000_000, period / 2)
        if limit <= Self.largestLogged {
            // A whole burst may be late together, so this is longer than for paced rates.
            guardTime = isGuarded ? min(period / 10, 100_000_000) : 0
            burst = min(max(1, spec.maxBurst), limit)
            interval = Self.ceiling(period, limit)
            tolerance = grace
            reach = 0
            batchGrace = min(period / 64, 1_000_000_000)
        } else {
            burst = min(max(1, spec.maxBurst), max(1, limit / 25))
            guardTime = isGuarded ? min(period / 20, 50_000_000) : 0
            interval = Self.ceiling(period + grace + guardTime, limit - burst)
            reach = Int64(burst) * interval - 1
            tolerance = reach + grace
            batchGrace = period / 64
        }
    }

    /// Whether the exact log keeps this rate.
    package var isLogged: Bool { limit <= Self.largestLogged }

    /// The most slots that are leased in one run; a larger request is a batch that is used in one moment.
    ///
    /// Half the burst: the first slot must still be open when the last one opens, with time left for a caller that is late.
    package var largestRun: Int { isLogged ? 1 : max(1, burst / 2) }

    private static func ceiling(_ a: Int64, _ b: Int) -> Int64 { (a - 1) / Int64(b) + 1 }
}
