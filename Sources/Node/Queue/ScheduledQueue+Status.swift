import Client
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
        if services.pauses.contains(name) {
            state = "paused"
        } else if due > 0, reason != nil {
            state = "blocked"
        } else if out > 0 || due > 0 {
            state = "active"
        } else {
            state = heap.isEmpty ? "idle" : "waiting"
        }
        return QueueStatus(
            queue: name, scheduled: heap.count, due: due, active: out, delivered: delivered,
            oldestAge: heap.oldestCreated.map { max(0, Double(now) / 1e9 - Double($0)) },
            nextDue: heap.first.map { MessageDate.rfc3339(unixNanoseconds: $0.due * 1_000_000) }, state: state,
            blockedBy: state == "paused" ? QueueBlock.paused.text(path: nil) : (due > 0 || out > 0 ? reason : nil), lastReply: lastReply)
    }
}
