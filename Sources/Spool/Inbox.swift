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
            if let load {
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
