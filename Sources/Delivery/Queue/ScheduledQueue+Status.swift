import Client
import Cluster
import Message
import Platform
import Resources
import Shaping
import Spool

// What an operator sees of a queue. Runs on the queue's loop.
extension ScheduledQueue {
    /// Messages the queue is responsible for, wherever they are.
    var messageCount: Int { heap.count + (sweep?.pending.count ?? 0) + out }

    /// The queue as `GET /api/queues` shows it.
    func status() -> QueueStatus {
        let clocks = services.clocks
        let now = clocks.now
        let due = heap.dueCount(at: now)
        let reason = block.text(path: lastPathBlock, clocks) ?? (out > 0 ? lastPathBlock : nil)
        let state: String
        let rules = rules
        let swept = sweep?.pending.count ?? 0
        if rules.bounce != nil {
            state = "bouncing"
        } else if rules.suspension != nil {
            state = "paused"
        } else if reason != nil, due > 0 || (out > 0 && lastPath?.isStanding(services.control, clocks) == true) {
            state = "blocked"
        } else if out > 0 || due > 0 {
            state = "active"
        } else {
            state = heap.isEmpty && swept == 0 ? "idle" : "waiting"
        }
        return QueueStatus(
            queue: name, scheduled: heap.count + swept, due: due, active: out, delivered: delivered,
            oldestAge: heap.oldest.map { max(0, Double(now.nanoseconds(since: $0)) / 1e9) },
            nextDue: heap.first.map { clocks.text(of: $0.due) }, state: state,
            blockedBy: rules.bounce.map { "bounced: \($0.sentence)" } ?? rules.suspension.map { "suspended: \($0.sentence)" }
                ?? (due > 0 || out > 0 ? reason : nil), lastReply: lastReply)
    }
}
