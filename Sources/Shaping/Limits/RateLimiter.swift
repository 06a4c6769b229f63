/// A rate, as one user of it sees it: takes what it holds, and asks the root for more. *Loop-confined value.*
///
/// The slots it holds are kept in one shared place, so a copy is the same limiter and cannot spend them twice. A take from held slots
/// costs a
/// lock that nobody else wants and no allocation.
///
/// All limiters of one key and one root together never let more than the limit through in any window of the period; see `RateRule`. If
/// two of them
/// disagree on the rate, each is kept to its own, with what the other used counted, at some loss.
package struct RateLimiter: Sendable {
    private let book: RateBook

    /// A limiter of the rate `key`.
    package init(key: LimitKey, spec: ThrottleSpec, root: any LimitRoot) {
        book = RateBook(key: key, spec: spec, root: root)
    }

    /// Takes `n` of the rate, together or not at all. More than the limit counts as the limit.
    ///
    /// - Parameter now: monotonic nanoseconds, the moment at which it will be done: a grant is for now, not for later.
    package mutating func take(_ n: Int, now: Int64) -> LimitDecision { book.take(n, now: now) }

    /// Puts back `n` of what the last take got, because it was not done after all (another limit said no).
    ///
    /// Only for the last take, and right after it: what is given back must not have been used.
    package mutating func give(_ n: Int, now: Int64) { book.give(n, now: now) }

    /// Returns the unused slots. For good: every later take is told to wait. Dropping the last copy does the same.
    package mutating func close() { book.close() }
}
