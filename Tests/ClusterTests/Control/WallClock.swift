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
}
