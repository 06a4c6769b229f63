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
    /// Somebody awaits something of the committer.
    var isAwaited = false

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
