import NIOCore
import Platform

/// *Loop-confined*: who wants to be woken by `QueueTimers`.
protocol Sleeper: AnyObject {
    /// When it will be woken.
    var wakeUp: MonotonicInstant { get set }
    /// The farthest time for which the timers hold an entry of it; `.distantFuture` when there is none.
    var pushedWakeUp: MonotonicInstant { get set }
    /// The time has come.
    func wake()
}

/// *Loop-confined*: wakes each scheduled queue when its next message falls due.
///
/// A heap of queues by wake-up time with lazy deletion: a queue whose wake-up moved leaves a stale entry behind, which is skipped.
/// One timer of the loop serves all queues, so a tick costs what is due, not what is queued. A queue that asks for a time in the past is
/// woken a millisecond later at the earliest, so no mistake in a queue can keep the loop to itself.
final class QueueTimers {
    private struct Entry {
        var due: MonotonicInstant
        var queue: any Sleeper
    }

    private let address: ShardAddress
    private let clocks: Clocks
    private var entries: [Entry] = []
    private var armed = MonotonicInstant.distantFuture
    private var timer: Scheduled<Void>?

    /// Queues woken before the loop breathes.
    private static let batch = 256
    /// The timers of the loop stand still while the machine sleeps: never wait longer than this without a look at the clock.
    private static let longest: Int64 = 60_000_000_000
    private static let shortest: Int64 = 1_000_000

    init(_ address: ShardAddress, clocks: Clocks) {
        self.address = address
        self.clocks = clocks
    }

    /// Wakes `queue` at `due`; a later call replaces an earlier one when it is sooner.
    func schedule(_ queue: any Sleeper, at due: MonotonicInstant) {
        guard due < queue.wakeUp else { return }
        queue.wakeUp = due
        // The entry of an earlier call for the same time is still there.
        guard queue.pushedWakeUp != due else { return }
        // The farthest is kept in mind: it stays longest, and is asked for again after each nearer one.
        if queue.pushedWakeUp == .distantFuture || due > queue.pushedWakeUp { queue.pushedWakeUp = due }
        push(Entry(due: due, queue: queue))
        arm()
    }

    private func arm() {
        guard let due = entries.first?.due, due < armed else { return }
        timer?.cancel()
        armed = due
        let wait = min(max((due - clocks.now).clampedNanoseconds, Self.shortest), Self.longest)
        timer = address.loop.scheduleTask(in: .nanoseconds(wait)) { [address] in address.post(.timersDue) }
    }

    /// Wakes the queues whose time has come.
    func fire() {
        armed = .distantFuture
        timer = nil
        let now = clocks.now
        // All of them are taken out first: what they ask for while they run comes with the next turn.
        var woken: [any Sleeper] = []
        while woken.count < Self.batch, let first = entries.first, first.due <= now {
            pop()
            if first.queue.pushedWakeUp == first.due { first.queue.pushedWakeUp = .distantFuture }
            guard first.queue.wakeUp == first.due else { continue }
            first.queue.wakeUp = .distantFuture
            woken.append(first.queue)
        }
        for queue in woken { queue.wake() }
        arm()
    }

    private func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].due < entries[parent].due else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    private func pop() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].due < entries[child].due { child += 1 }
            guard entries[child].due < entries[parent].due else { break }
            entries.swapAt(child, parent)
            parent = child
        }
    }
}
