import Platform
import Shaping
import Spool

// How messages come back after a restart, when only wall times are left, and the wall clock may have been set meanwhile. Runs on the
// queue's loop.
extension ScheduledQueue {
    /// Takes a message that recovery found.
    func recover(_ message: RecoveredMessage) {
        if lastReply == nil, let reply = message.lastReply { lastReply = reply }
        recover(
            message.handle, due: WallInstant(unixNanoseconds: message.due), created: WallInstant(unixNanoseconds: message.created),
            attempts: message.attempts)
    }

    /// Takes a message as the disk knows it.
    ///
    /// It waits as long as its due time says, but never longer than was asked for: before its first attempt that is the time between
    /// reception and due time, after it what the retry schedule gives, once the policy has been read.
    func recover(_ handle: SpoolHandle, due: WallInstant, created: WallInstant, attempts: Int) {
        let clocks = services.clocks
        let (now, wall) = (clocks.now, clocks.wallNow)
        let wait = attempts == 0 ? min(due - wall, max(due - created, .zero)) : due - wall
        let entry = DueEntry(due: now + wait, handle: handle.raw, received: min(now, now + (created - wall)), attempts: attempts)
        adopt(entry, isChecked: false)
    }

    /// Bounds the wait of an entry from the disk, or notes that this is still to be done and has the policy read.
    func check(_ entry: inout DueEntry) {
        guard entry.attempts > 0 else { return }
        let now = services.clocks.now
        guard entry.due > now else { return }
        guard let setup else {
            isUnchecked = true
            return timers.schedule(self, at: now)
        }
        entry.due = min(entry.due, Self.latest(entry, setup.schedule, now: now))
    }

    /// Bounds the waits of all entries, now that the schedule is known.
    func checkWaits(_ schedule: RetrySchedule) {
        guard isUnchecked else { return }
        isUnchecked = false
        let now = services.clocks.now
        heap.advance { $0.attempts > 0 ? Self.latest($0, schedule, now: now) : $0.due }
    }

    /// The latest time for which the last attempt can have put the next one off.
    private static func latest(_ entry: DueEntry, _ schedule: RetrySchedule, now: MonotonicInstant) -> MonotonicInstant {
        now + schedule.delay(attempt: entry.attempts - 1, jitter: 1)
    }
}
