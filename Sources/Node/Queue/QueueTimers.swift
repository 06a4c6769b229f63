import NIOCore

/// *Loop-confined*: wakes each scheduled queue when its next message falls due.
///
/// A heap of queues by wake-up time with lazy deletion: a queue whose wake-up moved leaves a stale entry behind, which is skipped.
/// One timer of the loop serves all queues, so a tick costs what is due, not what is queued.
package final class QueueTimers {
    private struct Entry {
        var due: Int64
        var queue: ScheduledQueue
    }

    private let loop: any EventLoop
    private var entries: [Entry] = []
    private var armed: Int64 = .max
    private var timer: Scheduled<Void>?

    init(loop: any EventLoop) { self.loop = loop }

    /// Wakes `queue` at `due` (Unix milliseconds); a later call replaces an earlier one when it is sooner.
    func schedule(_ queue: ScheduledQueue, at due: Int64) {
        guard due < queue.wakeUp else { return }
        queue.wakeUp = due
        // The entry of an earlier call for the same time is still there.
        guard queue.pushedWakeUp != due else { return }
        // The farthest is kept in mind: it stays longest, and is asked for again after each nearer one.
        if queue.pushedWakeUp == .max || due > queue.pushedWakeUp { queue.pushedWakeUp = due }
        push(Entry(due: due, queue: queue))
        arm()
    }

    private func arm() {
        guard let due = entries.first?.due, due < armed else { return }
        timer?.cancel()
        armed = due
        let now = Clock.wall() / 1_000_000
        // The wall clock may jump: never sleep longer than a minute, never spin.
        let wait = min(max(due - now, 1), 60_000)
        let box = LoopBound(self)
        timer = loop.scheduleTask(in: .milliseconds(wait)) { box.value.fire() }
    }

    private func fire() {
        armed = .max
        timer = nil
        let now = Clock.wall() / 1_000_000
        while let first = entries.first, first.due <= now {
            pop()
            if first.queue.pushedWakeUp == first.due { first.queue.pushedWakeUp = .max }
            guard first.queue.wakeUp == first.due else { continue }
            first.queue.wakeUp = .max
            first.queue.pump()
        }
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
