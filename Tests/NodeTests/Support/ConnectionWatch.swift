import Foundation
import Sink
import Synchronization

@testable import Delivery
@testable import Node
@testable import Resources

/// Counts the connections of a sink all the time, on a thread of its own: other tests may hold the threads of the tasks for a while.
/// *Shared.*
final class ConnectionWatch: Sendable {
    private let peak = Atomic(0)
    private let lastOpen = Atomic<Int64>(0)
    private let isDone = Atomic(false)

    init(_ sink: Sink) {
        Thread.detachNewThread { [self] in
            while !isDone.load(ordering: .acquiring) {
                let open = sink.counters.open
                if open > peak.load(ordering: .relaxed) { peak.store(open, ordering: .relaxed) }
                if open > 0 { lastOpen.store(Clock.monotonic(), ordering: .releasing) }
                usleep(2000)
            }
        }
    }

    /// The most connections seen at once.
    var most: Int { peak.load(ordering: .relaxed) }
    /// When a connection was last seen, monotonic nanoseconds.
    var lastSeen: Int64 { lastOpen.load(ordering: .acquiring) }

    func stop() { isDone.store(true, ordering: .releasing) }
}
