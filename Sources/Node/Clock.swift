import Telemetry

/// *Value*: the two clocks of a node. Queues and records use wall time, deadlines and limits monotonic time.
package enum Clock {
    /// Nanoseconds of the monotonic clock.
    package static func monotonic() -> Int64 { SystemClock.monotonicNanoseconds() }
    /// Nanoseconds since 1970.
    package static func wall() -> Int64 { SystemClock.unixNanoseconds() }
}

extension Duration {
    /// The duration in whole nanoseconds, saturating.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? .max : sum
    }
}
