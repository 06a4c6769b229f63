import Glibc

/// What waits for the writer thread. *value*, behind a `Guarded`.
struct Inbox {
    var commands: [SpoolCommand] = []
    /// Something waits that must not wait for the delay.
    var urgent = false
    /// When the oldest update or done came in (monotonic).
    var lazySince: Int64?
    /// Bytes that wait or are being written.
    var backlog = 0
    /// Bytes of `commands`, to be taken off `backlog` after their commit.
    var weight = 0
    var closing = false
    var closed = false

    /// Adds a command that is waited for.
    mutating func add(_ command: SpoolCommand, weight: Int = 0) {
        commands.append(command)
        urgent = true
        self.weight += weight
        backlog += weight
    }

    /// Adds a command that may ride along. True when the writer must learn of a new deadline.
    mutating func addLazy(_ command: SpoolCommand, now: Int64) -> Bool {
        commands.append(command)
        if lazySince != nil { return false }
        lazySince = now
        return true
    }

    /// What the writer takes out. *value*.
    struct Load {
        var commands: [SpoolCommand]
        var lazySince: Int64?
        var weight: Int
        var closing: Bool
    }

    mutating func take() -> Load {
        let load = Load(commands: commands, lazySince: lazySince, weight: weight, closing: closing)
        commands = []
        commands.reserveCapacity(min(load.commands.count, 4096))
        urgent = false
        lazySince = nil
        weight = 0
        return load
    }
}

/// The loop of the writer thread. *loop-confined*.
struct WriterLoop {
    let inbox: Guarded<Inbox>
    let writer: SpoolWriter

    func run() {
        let delay = writer.options.maxDelayNanoseconds
        var next = monotonicNow() + 1_000_000_000
        var kept: Int64 = 0
        var gather = CommitGather(window: writer.options.gatherNanoseconds)
        while true {
            var deadline = next
            if let since = writer.lazySince, writer.waiting.isEmpty { deadline = min(deadline, since + delay) }
            var wake: Int64 = 0
            let load = inbox.wait(until: deadline) { inbox -> Inbox.Load? in
                if inbox.urgent || inbox.closing { return inbox.take() }
                guard let since = inbox.lazySince else { return nil }
                let due = since + delay
                if monotonicNow() >= due { return inbox.take() }
                // Known only now: come back with the earlier deadline.
                if due < deadline {
                    wake = due
                    return Inbox.Load(commands: [], weight: 0, closing: false)
                }
                return nil
            }
            if wake != 0 {
                next = min(next, wake)
                continue
            }
            let now = monotonicNow()
            let overdue = writer.lazySince.map { now - $0 >= delay } ?? false
            if var load {
                gather.prepare(&load, inbox: inbox, now: now)
                writer.commit(load.commands, lazySince: load.lazySince, now: now)
                let idle = inbox.withLock { inbox -> Bool in
                    inbox.backlog -= load.weight
                    return inbox.commands.isEmpty
                }
                if load.closing {
                    finish()
                    return
                }
                if !idle { continue }
            } else if overdue || !writer.waiting.isEmpty {
                writer.commit([], lazySince: nil, now: now)
            }
            // Between commits at most every 20 ms; when nobody waits, whenever it asked for.
            if now >= next || now - kept >= 20_000_000, inbox.withLock({ !$0.urgent }) {
                next = max(writer.housekeep(now), now)
                kept = now
            }
        }
    }

    private func finish() {
        while true {
            let load = inbox.withLock { inbox -> Inbox.Load? in
                if inbox.commands.isEmpty {
                    inbox.closed = true
                    return nil
                }
                return inbox.take()
            }
            guard let load else { break }
            writer.commit(load.commands, lazySince: load.lazySince, now: monotonicNow())
        }
        writer.finish(monotonicNow())
    }
}

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
