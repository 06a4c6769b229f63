/// One rate in the root: what was granted, as far as it still matters. *State machine.*
struct RateState: Sendable {
    /// How the history is kept.
    enum History: Sendable {
        /// Large limits: where the next slot starts (the theoretical arrival time of GCRA).
        case paced(next: Int64)
        /// Small limits.
        case logged(RateLog)
    }

    /// The rate of the last grant.
    private(set) var spec: ThrottleSpec
    private(set) var rule: RateRule
    private(set) var history: History

    /// A rate nobody has used yet.
    init(spec: ThrottleSpec, grace: Int64, isGuarded: Bool = false, now: Int64) {
        self.spec = spec
        rule = RateRule(spec, grace: grace, isGuarded: isGuarded)
        history = rule.isLogged ? .logged(RateLog(since: now)) : .paced(next: Int64.min / 4)
    }

    /// A rate with a history.
    init(spec: ThrottleSpec, grace: Int64, isGuarded: Bool = false, history: History) {
        self.spec = spec
        rule = RateRule(spec, grace: grace, isGuarded: isGuarded)
        self.history = history
    }

    /// Grants slots, or says when to try again.
    mutating func lease(_ want: Int, now: Int64) -> RateLease {
        let want = min(max(1, want), rule.limit)
        switch history {
        case .logged(var log):
            history = .paced(next: 0)  // the log is moved, not copied
            let lease = log.lease(want, rule: rule, now: now)
            history = .logged(log)
            return lease
        case .paced(let next):
            return want > rule.largestRun ? leaseBatch(want, next: next, now: now) : leaseRun(want, next: next, now: now)
        }
    }

    /// A run of slots, each with its own time. Slots missed while nobody asked are granted as far as they are still open.
    private mutating func leaseRun(_ want: Int, next: Int64, now: Int64) -> RateLease {
        let start = max(next, now - rule.reach)
        guard start <= now + rule.horizon else { return .retry(atNanoseconds: start - rule.horizon) }
        history = .paced(next: start + Int64(want) * rule.interval)
        return .slots(RateSlots(firstOpen: start, interval: rule.interval, tolerance: rule.tolerance, count: want))
    }

    /// More than a burst in one moment: `n` slots before that moment and `n + 1` after it stay empty.
    ///
    /// A window that holds the moment t and takes on one side only has n slots fewer on that side; one with takes on both sides has the
    /// whole gap
    /// inside. So it holds at most L with the batch. It costs two slots per unit; rare, and better than waiting for ever. The
    /// reservation ignores the horizon: without it single takes would always come first.
    private mutating func leaseBatch(_ n: Int, next: Int64, now: Int64) -> RateLease {
        let gap = Int64(n) * rule.interval
        let open = max(next + gap, now)
        guard open <= now + 2 * rule.period else { return .retry(atNanoseconds: open - 2 * rule.period) }
        history = .paced(next: open + rule.batchGrace + gap + rule.interval)
        return .slots(RateSlots(firstOpen: open, interval: 0, tolerance: rule.tolerance + rule.batchGrace, count: n))
    }

    /// Takes back slots that were not used. Of a paced rate only the tail can be returned; the rest lapses.
    mutating func giveBack(_ slots: RateSlots) {
        switch history {
        case .logged(var log):
            history = .paced(next: 0)
            log.giveBack(slots, rule: rule)
            history = .logged(log)
        case .paced(let next):
            if slots.interval == rule.interval, slots.end == next { history = .paced(next: slots.firstOpen) }
        }
    }

    /// The same history under another rate.
    ///
    /// Windows across the change hold no more than the larger of the two rates (for one period); what the old rate may have used counts.
    func changed(to spec: ThrottleSpec, grace: Int64, isGuarded: Bool = false, now: Int64) -> RateState {
        var fresh = RateState(spec: spec, grace: grace, isGuarded: isGuarded, now: now)
        switch (history, fresh.history) {
        case (.logged(var log), .logged):
            log.resize(to: fresh.rule.limit)
            fresh.history = .logged(log)
        case (.logged(let log), .paced):
            guard let newest = log.newest else { break }
            let recent = log.recent(period: max(rule.period, fresh.rule.period), now: now)
            fresh.history = .paced(next: newest + Int64(recent + 1) * fresh.rule.interval)
        case (.paced(let next), .paced):
            // The old slots have all closed before the first new one opens: neither burst adds to the other.
            fresh.history = .paced(next: next + rule.tolerance + rule.batchGrace + fresh.rule.interval)
        case (.paced(let next), .logged):
            let end = next + rule.tolerance + rule.batchGrace
            var log = RateLog(since: max(now, end))
            for k in (1...fresh.rule.limit).reversed() {
                log.record(end - Int64(k) * rule.interval, limit: fresh.rule.limit)
            }
            fresh.history = .logged(log)
        }
        return fresh
    }

    /// Whether forgetting this rate changes no answer.
    func isIdle(now: Int64) -> Bool {
        switch history {
        case .logged(let log): log.isIdle(rule: rule, now: now)
        // A batch counts the idle time before it, up to a little more than a period.
        case .paced(let next): next + 2 * rule.period + rule.tolerance < now
        }
    }
}
