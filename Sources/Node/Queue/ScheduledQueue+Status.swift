import Client
import Cluster
import Message
import Spool

// What an operator sees of a queue. Runs on the queue's loop.
extension ScheduledQueue {
    /// Takes a message that recovery found.
    func recover(_ message: RecoveredMessage) {
        if lastReply == nil, let reply = message.lastReply { lastReply = reply }
        recover(handle: message.handle, due: message.due, created: message.created)
    }

    /// The queue as `GET /api/queues` shows it.
    func status() -> QueueStatus {
        let now = Clock.wall()
        let due = heap.dueCount(at: now / 1_000_000)
        let reason = block.text(path: lastPath?.blockText) ?? (out > 0 ? lastPath?.blockText : nil)
        let state: String
        let rules = rules.current(services.control)
        let swept = sweep?.pending.count ?? 0
        if rules.bounce != nil {
            state = "bouncing"
        } else if rules.suspension != nil {
            state = "paused"
        } else if due > 0, reason != nil {
            state = "blocked"
        } else if out > 0 || due > 0 {
            state = "active"
        } else {
            state = heap.isEmpty && swept == 0 ? "idle" : "waiting"
        }
        return QueueStatus(
            queue: name, scheduled: heap.count + swept, due: due, active: out, delivered: delivered,
            oldestAge: heap.oldestCreated.map { max(0, Double(now) / 1e9 - Double($0)) },
            nextDue: heap.first.map { MessageDate.rfc3339(unixNanoseconds: $0.due * 1_000_000) }, state: state,
            blockedBy: rules.bounce.map { "bounced: \($0.sentence)" } ?? rules.suspension.map { "suspended: \($0.sentence)" }
                ?? (due > 0 || out > 0 ? reason : nil), lastReply: lastReply)
    }
}
