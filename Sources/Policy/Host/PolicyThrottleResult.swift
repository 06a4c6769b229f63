/// *value*: whether something may be done now under a rate, and what the rate looks like.
package struct PolicyThrottleResult: Sendable, Equatable {
    /// Not now; nothing was taken.
    package var isThrottled: Bool
    /// How many per period.
    package var limit: Int
    /// How many more could be taken now, as far as this node knows.
    package var remaining: Int
    /// When the rate will be as if nobody had used it.
    package var resetAfter: Duration
    /// When to ask again, if throttled.
    package var retryAfter: Duration?
    /// Nobody has decided yet: the answer of those who share the rate is on its way.
    package var isUndecided = false

    /// Makes a result.
    package init(isThrottled: Bool, limit: Int, remaining: Int, resetAfter: Duration, retryAfter: Duration? = nil) {
        self.isThrottled = isThrottled
        self.limit = limit
        self.remaining = remaining
        self.resetAfter = resetAfter
        self.retryAfter = retryAfter
    }
}
