import Glibc

/// The two clocks telemetry reads. *Value.*
package enum SystemClock {
    /// Wall clock, nanoseconds since 1970.
    package static func unixNanoseconds() -> Int64 { read(CLOCK_REALTIME) }

    /// Steady clock, nanoseconds since an arbitrary point. It runs on while the machine sleeps: a lease ends meanwhile all the same.
    package static func monotonicNanoseconds() -> Int64 { read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
