import Synchronization

@testable package import Platform

/// The two clocks of a node, each turned by the test. Untouched they go as those of the machine do. *Shared.*
package final class TestClocks: Sendable {
    private let steadyOffset = Atomic<Int64>(0)
    private let wallOffset = Atomic<Int64>(0)

    package init() {}

    /// Clocks that are off from the start.
    package init(steadyBy: Duration = .zero, wallBy: Duration = .zero) {
        steadyOffset.store(steadyBy.clampedNanoseconds, ordering: .relaxed)
        wallOffset.store(wallBy.clampedNanoseconds, ordering: .relaxed)
    }

    package var steady: MonotonicInstant { .now() + .nanoseconds(steadyOffset.load(ordering: .relaxed)) }
    /// Clamped as every reading of the machine's clock is.
    package var wall: WallInstant {
        let wall = WallInstant.now() + .nanoseconds(wallOffset.load(ordering: .relaxed))
        return WallInstant(unixNanoseconds: min(max(wall.unixNanoseconds, ClockReading.earliest), ClockReading.latest))
    }

    package var clocks: Clocks { Clocks(steady: { self.steady }, wall: { self.wall }) }

    /// Time passes, for both.
    package func pass(_ duration: Duration) {
        Self.move(steadyOffset, by: duration)
        Self.move(wallOffset, by: duration)
    }

    /// Somebody sets the wall clock.
    package func setWall(by duration: Duration) { Self.move(wallOffset, by: duration) }

    private static func move(_ offset: borrowing Atomic<Int64>, by duration: Duration) {
        let new = offset.load(ordering: .relaxed).addingClamped(duration.clampedNanoseconds)
        offset.store(new, ordering: .relaxed)
    }
}
