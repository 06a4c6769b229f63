/// What is checked, and over which time. *Value.*
package struct RatePromise: Sendable, Hashable {
    /// L: how many per period.
    package var limit: Int
    /// P, in nanoseconds.
    package var period: Int64
    /// Begin of the time for utilisation, gaps and fairness; the first record when nil. Overshoot is looked for everywhere.
    package var from: Int64?
    /// Its end; the last record when nil.
    package var to: Int64?
    /// A moment after which something broke: the time until the rate is back is measured from here.
    package var brokenAt: Int64?
    /// What "back" means: in some window of `backWindow` after the moment there is this share of what the limit allows.
    package var backShare = 0.9
    /// Nanoseconds of that window.
    package var backWindow: Int64 = 1_000_000_000

    /// A promise of `limit` per `period`; both at least 1.
    package init(limit: Int, period: Int64) {
        self.limit = max(1, limit)
        self.period = max(1, period)
    }

    /// How many records make a `backWindow` full enough.
    var backCount: Int {
        max(1, Int((Double(limit) * Double(backWindow) / Double(period) * backShare).rounded(.up)))
    }
}
