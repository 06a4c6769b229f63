/// Where a root writes down what it gives out, so that the next process goes on from there.
///
/// Called under the root's lock: it must not call back, and it should not wait.
package protocol RateLedger: Sendable {
    /// What a former process has given out, as far as it still matters.
    var recorded: [LimitKey: RateRecord] { get }
    /// Up to when a rate that is not recorded may have been used to its limit; nil when nobody can have used it before.
    func usedUntil(_ spec: ThrottleSpec) -> Int64?
    /// Whether rates of that kind are written down; the others rest for a period after a start.
    func covers(_ spec: ThrottleSpec) -> Bool
    /// Writes down the state of a rate. False when it could not: then what it says must not be used.
    func write(_ key: LimitKey, _ record: RateRecord) -> Bool
}
