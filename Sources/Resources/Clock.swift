import Platform

/// *Value*: the two clocks of a node as plain numbers, for limits and records. Whoever keeps a time, or compares it with one that another
/// part keeps, uses `MonotonicInstant` and `WallInstant`.
package enum Clock {
    /// Nanoseconds of the steady clock.
    package static func monotonic() -> Int64 { MonotonicInstant.now().nanoseconds }
    /// Nanoseconds since 1970.
    package static func wall() -> Int64 { WallInstant.now().unixNanoseconds }
}

extension Duration {
    /// The duration in whole nanoseconds, saturating.
    package var wholeNanoseconds: Int64 { clampedNanoseconds }
}
