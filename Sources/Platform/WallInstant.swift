/// A moment of the wall clock. *Value.*
///
/// What people, other machines and files on disk call time: dates in messages and logs, the due times of the spool. The clock may be set
/// to anything at any moment, so nothing is waited for by it. Arithmetic saturates; nothing here traps.
package struct WallInstant: Sendable, Hashable, Comparable {
    /// Nanoseconds since 1970.
    package let unixNanoseconds: Int64

    /// A moment since 1970.
    package init(unixNanoseconds: Int64) { self.unixNanoseconds = unixNanoseconds }

    /// Before everything.
    package static let distantPast = WallInstant(unixNanoseconds: .min)
    /// Never: nothing that is added to it or taken from it changes it.
    package static let distantFuture = WallInstant(unixNanoseconds: .max)

    /// Reads the wall clock. Between one second after 1970 and 2152, whatever the clock says.
    package static func now() -> WallInstant { WallInstant(unixNanoseconds: ClockReading.wall()) }

    package static func < (left: WallInstant, right: WallInstant) -> Bool { left.unixNanoseconds < right.unixNanoseconds }

    /// Saturates at the ends.
    package static func + (instant: WallInstant, duration: Duration) -> WallInstant {
        instant.advanced(byNanoseconds: duration.clampedNanoseconds)
    }

    /// Saturates at the ends.
    package static func - (instant: WallInstant, duration: Duration) -> WallInstant {
        let amount = duration.clampedNanoseconds
        return instant.advanced(byNanoseconds: amount == .min ? .max : -amount)
    }

    /// How much later `instant` is than `other`; negative when it is earlier.
    package static func - (instant: WallInstant, other: WallInstant) -> Duration {
        .nanoseconds(instant.unixNanoseconds.subtractingClamped(other.unixNanoseconds))
    }

    private func advanced(byNanoseconds amount: Int64) -> WallInstant {
        guard self != .distantFuture, self != .distantPast else { return self }
        return WallInstant(unixNanoseconds: unixNanoseconds.addingClamped(amount))
    }
}
