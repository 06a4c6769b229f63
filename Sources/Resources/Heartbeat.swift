import Synchronization

/// *Shared*: when an event loop last turned.
package final class Heartbeat: Sendable {
    private let last = Atomic<Int64>(0)

    /// A loop that has just turned.
    package init() { stamp(Clock.monotonic()) }

    /// The loop turns now.
    package func stamp(_ now: Int64) { last.store(now, ordering: .relaxed) }

    /// Nanoseconds since the loop turned.
    package func age(now: Int64) -> Int64 { max(0, now - last.load(ordering: .relaxed)) }
}
