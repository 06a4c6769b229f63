import Platform

/// *Thread actor*: turns what waits in the inbox into commits. Its executor is the writer's thread, and it owns the writer: nothing else can reach
/// the open segment, the run that is being encoded, or what waits for the next commit.
///
/// The thread enters it once per batch.
actor Committer {
    nonisolated let unownedExecutor: UnownedSerialExecutor
    private nonisolated let executor: ThreadExecutor
    private let inbox: Guarded<Inbox>
    private let writer: SpoolWriter
    /// When the housekeeping wants its next turn.
    private var next = monotonicNow() + 1_000_000_000
    /// When it had its last.
    private var kept: Int64 = 0

    /// Between commits the spool keeps house at most this often.
    private static let pause: Int64 = 20_000_000

    init(_ inbox: Guarded<Inbox>, _ writer: sending SpoolWriter) {
        self.inbox = inbox
        self.writer = writer
        executor = ThreadExecutor {
            inbox.withLock { $0.isAwaited = true }
            inbox.broadcast()
        }
        unownedExecutor = executor.asUnownedSerialExecutor()
    }

    /// Works until the inbox is closed. On the writer's thread.
    nonisolated func run() {
        executor.begin()
        while assumeIsolated({ $0.turn() }) { executor.runJobs() }
    }

    /// Waits for work and does it; false when there will be no more.
    private func turn() -> Bool {
        let delay = writer.options.maxDelayNanoseconds
        var deadline = next
        if let since = writer.lazySince, writer.waiting.isEmpty { deadline = min(deadline, since + delay) }
        // When there is nothing to commit yet: the deadline to come back with.
        var wake: Int64 = 0
        let load = inbox.wait(until: deadline) { inbox -> Inbox.Load? in
            if inbox.urgent || inbox.closing { return inbox.take() }
            if inbox.isAwaited {
                inbox.isAwaited = false
                wake = next
                return Inbox.Load(commands: [], weight: 0, closing: false)
            }
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
            return true
        }
        let now = monotonicNow()
        let overdue = writer.lazySince.map { now - $0 >= delay } ?? false
        if let load {
            writer.commit(load.commands, lazySince: load.lazySince, now: now)
            let idle = inbox.withLock { inbox -> Bool in
                inbox.backlog -= load.weight
                return inbox.commands.isEmpty
            }
            if load.closing {
                finish()
                return false
            }
            if !idle { return true }
        } else if overdue || !writer.waiting.isEmpty {
            writer.commit([], lazySince: nil, now: now)
        }
        // When nobody waits, whenever it asked for.
        if now >= next || now - kept >= Self.pause, inbox.withLock({ !$0.urgent }) {
            next = max(writer.housekeep(now), now)
            kept = now
        }
        return true
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
