import Glibc

/// The one place of the product that asks the kernel what time it is. A namespace.
///
/// The steady clock is `CLOCK_BOOTTIME` everywhere; docs/decisions/0015-clocks.md says why. Both readings are clamped: never before the
/// first second of their scale, and at most `latest`, so that no clock, however wrong, reaches a value near which plain arithmetic
/// on nanoseconds traps.
enum ClockReading {
    /// The earliest reading, one second. Zero and what is below it mean "not set" in records, and a Unix time below zero has no form in
    /// a message id.
    static let earliest: Int64 = 1_000_000_000
    /// The latest reading: 110 years before nanoseconds leave 64 bits, for the wall clock the year 2152. Such a clock is wrong, and what
    /// is added to a reading (options allow a hundred years) still fits.
    static let latest: Int64 = .max - 110 * 31_556_952 * 1_000_000_000

    /// Nanoseconds since the machine started, its sleep included.
    static func steady() -> Int64 { read(CLOCK_BOOTTIME) }

    /// Nanoseconds since 1970.
    static func wall() -> Int64 { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return clamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }

    /// A reading within the bounds; pure, for tests.
    static func clamp(seconds: Int64, nanoseconds: Int64) -> Int64 {
        guard seconds > 0 else { return earliest }
        let (whole, isOver) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !isOver, whole < latest else { return latest }
        return min(whole + min(max(nanoseconds, 0), 999_999_999), latest)
    }

    /// So many nanoseconds from now on `CLOCK_MONOTONIC`, the clock of condition variables, which cannot wait on the steady clock.
    static func conditionDeadline(after nanoseconds: Int64) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let part = Int64(time.tv_nsec) + max(nanoseconds, 0) % 1_000_000_000
        let seconds = Int64(time.tv_sec).addingReportingOverflow(max(nanoseconds, 0) / 1_000_000_000 + part / 1_000_000_000)
        return timespec(tv_sec: Int(seconds.overflow ? .max : seconds.partialValue), tv_nsec: Int(part % 1_000_000_000))
    }
}
