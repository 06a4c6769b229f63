/// A limit on how many of something are open at once, as one user of it sees it. *Loop-confined value.*
///
/// Permits come in small blocks; a quarter of those in use is kept spare, and is taken away when another holder needs it. Over all
/// limiters of
/// one key and one root there are never more takes without a give than the limit of whoever takes. Copies are the same limiter.
package struct ConcurrencyLimiter: Sendable {
    private let book: PermitBook

    /// A limiter of the limit `key`. A limit below one grants nothing.
    package init(key: LimitKey, limit: Int, root: any LimitRoot) {
        book = PermitBook(key: key, limit: limit, root: root)
    }

    /// Takes a permit, at `now` in monotonic nanoseconds. While none is free the wait grows from 20 to 200 ms.
    package mutating func take(now: Int64) -> LimitDecision { book.take(now: now) }

    /// A permit taken before is free again. More gives than takes are ignored.
    package mutating func give(now: Int64) { book.give() }

    /// The limit has changed; permits in use stay counted, which a new limiter under the same key could not do.
    package mutating func setLimit(_ limit: Int) { book.setLimit(limit) }

    /// Returns everything, also what is in use. For good: every later take is told to wait, every give is ignored. Dropping the last copy
    /// does the same.
    package mutating func close() { book.close() }
}
