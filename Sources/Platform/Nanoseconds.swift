package import Glibc

extension Duration {
    /// The whole nanoseconds, clamped to what fits.
    package var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !whole.overflow else { return seconds < 0 ? .min : .max }
        return whole.partialValue.addingClamped(attoseconds / 1_000_000_000)
    }
}

extension Int64 {
    /// The sum, or the largest or smallest number.
    package func addingClamped(_ other: Int64) -> Int64 {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? (other < 0 ? .min : .max) : sum.partialValue
    }

    /// The difference, or the largest or smallest number.
    package func subtractingClamped(_ other: Int64) -> Int64 {
        let difference = subtractingReportingOverflow(other)
        return difference.overflow ? (other < 0 ? .max : .min) : difference.partialValue
    }
}

/// The absolute time at which a wait for a POSIX condition ends that is to end at `deadline`. The condition must have been made with
/// `CLOCK_MONOTONIC`: the C library offers no waiting on `CLOCK_BOOTTIME`. A wait may so last longer by the time the machine slept; what
/// was waited for is judged by the steady clock again.
package func conditionDeadline(_ deadline: MonotonicInstant) -> timespec {
    ClockReading.conditionDeadline(after: (deadline - .now()).clampedNanoseconds)
}
