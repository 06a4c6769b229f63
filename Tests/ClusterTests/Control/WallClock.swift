import Platform
import Synchronization

/// A wall clock that tests turn. *Shared.*
final class WallClock: Sendable {
    static let start: Int64 = 1_800_000_000_000_000_000
    static let second: Int64 = 1_000_000_000
    static let day: Int64 = 86_400 * second

    private let time = Atomic<Int64>(WallClock.start)

    var now: Int64 {
        get { time.load(ordering: .relaxed) }
        set { time.store(newValue, ordering: .relaxed) }
    }

    func advance(seconds: Int64) { now += seconds * Self.second }

    var read: @Sendable () -> Int64 { { self.now } }

    /// A steady clock that goes along with it; `step` moves the wall clock alone.
    var steady: MonotonicInstant { MonotonicInstant(nanoseconds: time.load(ordering: .relaxed) - stepped.load(ordering: .relaxed)) }

    var readSteady: @Sendable () -> MonotonicInstant { { self.steady } }

    private let stepped = Atomic<Int64>(0)

    /// Sets the wall clock while the steady clock stands.
    func step(seconds: Int64) {
        now += seconds * Self.second
        stepped.add(seconds * Self.second, ordering: .relaxed)
    }
}
