internal import Platform

/// The clocks of the machine as plain numbers, for records and for arithmetic on limits. *Value.* Whoever keeps a time uses the types of `Platform`.
package enum SystemClock {
    /// Wall clock, nanoseconds since 1970.
    package static func unixNanoseconds() -> Int64 { WallInstant.now().unixNanoseconds }

    /// Steady clock, nanoseconds since an arbitrary point. It runs on while the machine sleeps: a lease ends meanwhile all the same.
    package static func monotonicNanoseconds() -> Int64 { MonotonicInstant.now().nanoseconds }
}
