import Glibc

/// Lets a commit wait a moment for company when the load is high. *value*.
///
/// A commit costs the same for one message as for ten (a write, a sync, a wake-up of each loop that waits), so under load a wait
/// of a fraction of a millisecond buys much. A single sender never waits: the window is used only when the recent rate promises
/// that at least two more transactions come in while it lasts.
struct CommitGather {
    private let window: Int64
    /// Commands that are waited for, per nanosecond; a moving average over commits.
    private var rate = 0.0
    private var last: Int64 = 0

    init(window: Int64) { self.window = window }

    /// Waits if it pays, and adds what came in meanwhile to `load`.
    mutating func prepare(_ load: inout Inbox.Load, inbox: Guarded<Inbox>, now: Int64) {
        if window > 0, !load.closing, rate * Double(window) >= 2, now - last < 10_000_000 {
            var pause = timespec(tv_sec: 0, tv_nsec: Int(window))
            nanosleep(&pause, nil)
            let more = inbox.withLock { $0.take() }
            load.commands += more.commands
            load.weight += more.weight
            load.closing = more.closing
            if load.lazySince == nil { load.lazySince = more.lazySince }
        }
        let elapsed = max(1, now - last)
        rate = rate * 0.9 + 0.1 * Double(load.commands.count) / Double(elapsed)
        last = now
    }
}
