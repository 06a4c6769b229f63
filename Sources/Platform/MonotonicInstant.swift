package import Synchronization

/// A moment of the steady clock. *Value.*
///
/// Deadlines, due times, leases and the ends of cache entries are such moments. The clock goes on while the machine sleeps and never
/// follows the wall clock. There is no conversion to a `WallInstant` but through `Clocks`, which reads both clocks at once, so the two
/// cannot be compared by accident. Arithmetic saturates; nothing here traps.
package struct MonotonicInstant: Sendable, Hashable, Comparable {
    /// Nanoseconds since the machine started. For atomics and for pure arithmetic on limits, never for another clock.
    package let nanoseconds: Int64

    /// A reading of the steady clock.
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Before everything.
    package static let distantPast = MonotonicInstant(nanoseconds: .min)
    /// Never: nothing that is added to it or taken from it changes it.
    package static let distantFuture = MonotonicInstant(nanoseconds: .max)

    /// Reads the steady clock.
    package static func now() -> MonotonicInstant { MonotonicInstant(nanoseconds: ClockReading.steady()) }

    package static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates at the ends.
    package static func + (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        instant.advanced(byNanoseconds: duration.clampedNanoseconds)
    }

    /// Saturates at the ends.
    package static func - (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        let amount = duration.clampedNanoseconds
        return instant.advanced(byNanoseconds: amount == .min ? .max : -amount)
    }

    /// How much later `instant` is than `other`; negative when it is earlier.
    package static func - (instant: MonotonicInstant, other: MonotonicInstant) -> Duration {
        .nanoseconds(instant.nanoseconds.subtractingClamped(other.nanoseconds))
    }

    /// How many nanoseconds later than `other` it is, for the data path.
    package func nanoseconds(since other: MonotonicInstant) -> Int64 { nanoseconds.subtractingClamped(other.nanoseconds) }

    /// The moment that many nanoseconds later, for the data path.
    package func advanced(byNanoseconds amount: Int64) -> MonotonicInstant {
        guard self != .distantFuture, self != .distantPast else { return self }
        return MonotonicInstant(nanoseconds: nanoseconds.addingClamped(amount))
    }
}

extension MonotonicInstant: AtomicRepresentable {
    package typealias AtomicRepresentation = Int64.AtomicRepresentation

    package static func encodeAtomicRepresentation(_ value: consuming MonotonicInstant) -> AtomicRepresentation {
        Int64.encodeAtomicRepresentation(value.nanoseconds)
    }

    package static func decodeAtomicRepresentation(_ representation: consuming AtomicRepresentation) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: Int64.decodeAtomicRepresentation(representation))
    }
}
