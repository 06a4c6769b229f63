/// Bandwidth of one limit as a node spends it: a token bucket that begins empty. *State machine.* Times in nanoseconds.
///
/// Over all streams of a limit a window of length P holds at most the tokens in their buckets at its start and what flows in during it:
/// with a slack of D and m streams that is (P + D) R + m. Whoever hands out R keeps that below L.
struct RateStream: Sendable {
    /// Thousandths of a slot per day, the unit of the script.
    private(set) var rate: Int64 = 0
    /// Nanoseconds from slot to slot.
    private(set) var interval = Double.greatestFiniteMagnitude
    /// When the next slot is due if nothing was missed.
    private var next = 0.0
    /// How long a missed slot can be caught up.
    private let slack: Double

    /// A stream without bandwidth.
    init(slack: Int64) { self.slack = Double(slack) }

    /// Another bandwidth from `now` on; 0 empties the bucket.
    mutating func setRate(_ rate: Int64, now: Int64) {
        let now = Double(now)
        guard rate > 0 else {
            self.rate = 0
            interval = .greatestFiniteMagnitude
            return
        }
        let interval = Self.day / Double(rate)
        if self.rate == 0 {
            next = now + interval
        } else {
            // What was earned stays earned, what is owed stays owed; both in slots.
            let earned = max(-1e9, (now - next) / self.interval)
            next = now - min(earned * interval, slack)
        }
        self.rate = rate
        self.interval = interval
    }

    /// When the next slot opens; `nil` without bandwidth.
    func opening(now: Int64) -> Int64? {
        guard rate > 0 else { return nil }
        return max(now, Int64(min(max(next, Double(now) - slack).rounded(.up), 4e18)))
    }

    /// Spends up to `n` slots that are open by `end`; answers how many. `opening` must not be later than `end`.
    mutating func spend(_ n: Int, now: Int64, end: Int64) -> Int {
        guard rate > 0 else { return 0 }
        next = max(next, Double(now) - slack)
        guard next <= Double(end) else { return 0 }
        let count = min(Double(max(0, n)), ((Double(end) - next) / interval).rounded(.down) + 1)
        next += count * interval
        return Int(count)
    }

    /// Puts unspent slots back.
    mutating func restore(_ n: Int) {
        guard rate > 0 else { return }
        next -= Double(n) * interval
    }

    private static let day = 86_400e9 * 1000
}
