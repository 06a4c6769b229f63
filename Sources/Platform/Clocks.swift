/// The two clocks of a process, or those of a test. *Value.*
///
/// The only way from one clock to the other: what is converted keeps its distance from now. Convert when something is written down, shown
/// or read back, and keep `MonotonicInstant`s in between: then it does not matter how often the wall clock is set.
package struct Clocks: Sendable {
    private let steady: @Sendable () -> MonotonicInstant
    private let wall: @Sendable () -> WallInstant

    /// Clocks that answer what the functions say.
    package init(steady: @escaping @Sendable () -> MonotonicInstant, wall: @escaping @Sendable () -> WallInstant) {
        self.steady = steady
        self.wall = wall
    }

    /// The clocks of the machine.
    package static let machine = Clocks(steady: MonotonicInstant.now, wall: WallInstant.now)

    /// What the steady clock says.
    package var now: MonotonicInstant { steady() }
    /// What the wall clock says.
    package var wallNow: WallInstant { wall() }

    /// The wall time that is as far from now as `instant`; as the wall clock goes at this moment.
    package func wallTime(of instant: MonotonicInstant) -> WallInstant {
        if instant == .distantFuture { return .distantFuture }
        return wall() + (instant - steady())
    }

    /// The moment of the steady clock that is as far from now as `time`; as the wall clock goes at this moment.
    package func instant(of time: WallInstant) -> MonotonicInstant {
        if time == .distantFuture { return .distantFuture }
        return steady() + (time - wall())
    }

    /// The same for a time in the past: how long ago it was, and never later than now.
    package func instant(ofPast time: WallInstant) -> MonotonicInstant {
        let now = steady()
        return min(now, now + (time - wall()))
    }
}
