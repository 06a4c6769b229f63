/// The exact sliding log of a small limit: when the last L takes ended at the latest. *State machine* of the root.
///
/// A take is granted for a time t only if the L-th newest recorded time is older than t - P. Of any L + 1 takes, the one granted last has
/// one of the
/// others among the L-th newest or older, more than P before it: so no window of length P holds all of them. This needs no order
/// between the clocks of the askers, only that a record is never earlier than its take.
struct RateLog: Sendable {
    /// Recorded times, a ring in ascending order; grows to L and no further.
    private var ring: [Int64] = []
    private var head = 0
    /// The newest record that was pushed out. Returned slots must not make the log forget that it was full.
    private var forgotten = Int64.min / 4
    /// Slots that closed before this were never in these books, or no longer one by one.
    private var since: Int64
    /// When the next take is due under `max_burst`.
    private(set) var paceTime = Int64.min / 4

    /// An empty log, begun at `since`.
    init(since: Int64) { self.since = since }

    /// A log that was written down. Slots of the process that wrote it do not come back.
    init(closes: [Int64], forgotten: Int64, pace: Int64, since: Int64, limit: Int) {
        self.since = since
        self.forgotten = forgotten
        paceTime = pace
        for close in closes.sorted() { record(close, limit: limit) }
    }

    /// All of it, to be written down.
    var history: RateRecord.History {
        .logged(closes: Array(ring[head...] + ring[..<head]), forgotten: forgotten, pace: paceTime)
    }

    /// How many takes are remembered.
    var count: Int { ring.count }
    /// The newest record.
    var newest: Int64? { ring.isEmpty ? nil : self[0] }

    /// The i-th newest record.
    subscript(i: Int) -> Int64 { ring[(head + ring.count - 1 - i) % ring.count] }

    /// Grants `n` takes together, now or (more than one) at a reserved time, or says when to try again.
    mutating func lease(_ n: Int, rule: RateRule, now: Int64) -> RateLease {
        var open = max(now, forgotten + rule.period + 1)
        if ring.count > rule.limit - n { open = max(open, self[rule.limit - n] + rule.period + 1) }
        if rule.burst < rule.limit { open = max(open, paceTime - Int64(rule.burst - min(n, rule.burst)) * rule.interval) }
        var tolerance = rule.tolerance
        if open > now {
            // One alone just comes back. Several are reserved, or a stream of single takes would starve them.
            guard n > 1 else { return .retry(atNanoseconds: open) }
            guard open <= now + 2 * rule.period else { return .retry(atNanoseconds: open - 2 * rule.period) }
            tolerance += rule.batchGrace
        }
        for _ in 0..<n { record(open + tolerance + rule.guardTime, limit: rule.limit) }
        paceTime = max(paceTime, open) + Int64(n) * rule.interval
        return .slots(RateSlots(firstOpen: open, interval: 0, tolerance: tolerance, count: n))
    }

    /// Adds a take that may last until `close`.
    mutating func record(_ close: Int64, limit: Int) {
        let close = max(close, newest ?? close)
        if ring.count < limit {
            ring.append(close)
        } else {
            forgotten = max(forgotten, ring[head])
            ring[head] = close
            head = (head + 1) % ring.count
        }
    }

    /// Takes back slots that were not used. Those whose record may have been pushed out are not looked for: they would take another's
    /// away.
    mutating func giveBack(_ slots: RateSlots, rule: RateRule) {
        let close = slots.firstClose + rule.guardTime
        guard close > forgotten, close >= since else { return }
        var sorted = Array(ring[head...] + ring[..<head])
        var removed = 0
        while removed < slots.count, let index = sorted.firstIndex(where: { $0 >= close }) {
            sorted.remove(at: index)
            removed += 1
        }
        ring = sorted
        head = 0
        paceTime -= Int64(removed) * rule.interval
    }

    /// The same history under another limit.
    mutating func resize(to limit: Int) {
        ring = Array(ring[head...] + ring[..<head])
        head = 0
        while ring.count > limit { forgotten = max(forgotten, ring.removeFirst()) }
    }

    /// How many takes may lie within `period` before `now`.
    func recent(period: Int64, now: Int64) -> Int { ring.count { $0 + period >= now } }

    /// Whether forgetting the log changes no answer.
    func isIdle(rule: RateRule, now: Int64) -> Bool {
        forgotten + rule.period < now && (newest.map { $0 + rule.period < now } ?? true) && paceTime <= now
    }
}
