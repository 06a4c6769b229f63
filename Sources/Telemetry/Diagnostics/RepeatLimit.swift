/// Lets each message pass a few times a second. *State machine*, bounded.
struct RepeatLimit {
    /// What to do with one message.
    struct Decision {
        var isAdmitted: Bool
        /// How many of it were held back since it passed last.
        var suppressed = 0
        /// Messages dropped from the table while some of them were still to be reported.
        var forgotten: [(message: String, count: Int)] = []
    }

    private struct Entry {
        var windowStart: Int64
        var passed: Int
        var suppressed: Int
    }

    private static let window: Int64 = 1_000_000_000

    private let perSecond: Int
    private let capacity: Int
    private var entries: [String: Entry] = [:]

    init(perSecond: Int, capacity: Int) {
        self.perSecond = perSecond
        self.capacity = capacity
    }

    mutating func admit(_ message: String, now: Int64) -> Decision {
        if var entry = entries[message] {
            defer { entries[message] = entry }
            if now - entry.windowStart >= Self.window {
                let suppressed = entry.suppressed
                entry = Entry(windowStart: now, passed: 1, suppressed: 0)
                return Decision(isAdmitted: true, suppressed: suppressed)
            }
            guard entry.passed < perSecond else {
                entry.suppressed += 1
                return Decision(isAdmitted: false)
            }
            entry.passed += 1
            return Decision(isAdmitted: true)
        }
        var decision = Decision(isAdmitted: true)
        if entries.count >= capacity {
            decision.forgotten = sweep(now: now)
        }
        entries[message] = Entry(windowStart: now, passed: 1, suppressed: 0)
        return decision
    }

    /// Drops what has been quiet for a window; if nothing has, everything, since memory is the harder bound.
    private mutating func sweep(now: Int64) -> [(message: String, count: Int)] {
        var dropped = entries.filter { now - $0.value.windowStart >= Self.window }
        if dropped.isEmpty { dropped = entries }
        for message in dropped.keys { entries[message] = nil }
        return dropped.filter { $0.value.suppressed > 0 }
            .map { (message: $0.key, count: $0.value.suppressed) }
            .sorted { $0.message < $1.message }
    }
}
