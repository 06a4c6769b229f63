import Glibc

/// The two clocks telemetry reads. *Value.*
package enum SystemClock {
    /// Wall clock, nanoseconds since 1970.
    package static func unixNanoseconds() -> Int64 { read(CLOCK_REALTIME) }

    /// Monotonic clock, nanoseconds since an arbitrary point.
    package static func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
