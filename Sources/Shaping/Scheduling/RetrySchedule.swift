import Options

/// When to try again: `interval * 2^n`, capped, with a little jitter. *Value.*
package struct RetrySchedule: Sendable, Hashable {
    /// The delay after the first attempt; at least a millisecond, so that no configuration makes a busy loop.
    package let interval: Duration
    /// The longest delay before jitter.
    package let cap: Duration?

    /// A schedule.
    package init(interval: Duration, cap: Duration?) {
        self.interval = max(interval, .milliseconds(1))
        self.cap = cap.map { max($0, .milliseconds(1)) }
    }

    /// The delay after `n` previous attempts (0 before the second one), without jitter.
    ///
    /// Saturates at a hundred years, so that a unix time in nanoseconds plus the delay always fits into 64 bits.
    package func delay(attempt n: Int) -> Duration {
        let longest = DurationText.nanoseconds(DurationText.longest)
        let limit = min(longest, cap.map(DurationText.nanoseconds) ?? longest)
        let base = DurationText.nanoseconds(interval)
        let shift = max(0, n)
        // base <= limit >> shift says base << shift <= limit, without computing something that may not fit.
        guard shift < 63, base <= limit >> Int64(shift) else { return .nanoseconds(limit) }
        return .nanoseconds(base << Int64(shift))
    }

    /// The delay after `n` previous attempts, moved by the jitter, which is uniform in ±min(interval/20, 60 s)/2.
    ///
    /// `unit` is a random number in 0..<1; the caller draws it, so that the schedule itself stays repeatable.
    /// It spreads messages that failed together, and is too small for anyone to notice in the schedule.
    package func delay(attempt n: Int, jitter unit: Double) -> Duration {
        let width = min(DurationText.nanoseconds(interval) / 20, 60 * DurationText.second)
        let position = unit.isNaN ? 0.5 : min(max(unit, 0), 1)
        let shift = Int64((Double(width) * (position - 0.5)).rounded())
        return max(.milliseconds(1), delay(attempt: n) + .nanoseconds(shift))
    }
}
