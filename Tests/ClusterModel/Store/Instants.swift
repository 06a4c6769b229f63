internal import Glibc

/// Real time, for measuring the model itself.
package enum Instants {
    /// Nanoseconds of the monotonic clock.
    package static func now() -> Int64 { read(CLOCK_MONOTONIC) }
    /// Nanoseconds of CPU time of this thread.
    package static func thread() -> Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var t = timespec()
        clock_gettime(clock, &t)
        return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
    }
}
