import Shaping

/// What a node holds of one rate. *State machine*; times in monotonic nanoseconds.
struct RatePool: Sendable {
    private(set) var spec: ThrottleSpec
    private(set) var kind: RateKind
    /// Bandwidth (`stream`), its end, and when it was asked for.
    private(set) var stream: RateStream
    private(set) var leasedUntil = Int64.min / 4
    /// Single slots (`slots`).
    private var slots = RateSlots.none
    /// Logged slots (`log`): open from, open until, the store's name for that time, how many.
    private var logged: [(open: Int64, close: Int64, name: Int64, count: Int)] = []
    /// What is spent from the node's own share.
    private var away: AwayRate?

    private(set) var lastUse: Int64
    private(set) var askedAt = Int64.min / 4
    private var refusedUntil = Int64.min / 4
    /// Whether a question has not been answered yet.
    private var isAsked = false
    /// How many logged slots to ask for: doubled when all were used at once. Those not used go back with the next question.
    private var batch = 1
    private var unused: (name: Int64, count: Int) = (0, 0)
    /// Takers who were sent away since the last request.
    private var waiting = 0
    private var waitingSince: Int64?
    private var spent = 0
    /// When the first of them was spent: the time before that says nothing of the demand.
    private var spendingSince = Int64.min / 4
    private var demand = 0.0
    private var isBacklogged = false
    /// What the store said last is taken of the rate, or how many are in the log.
    private(set) var taken: Int64 = 0
    private let jitter: Int64

    init(spec: ThrottleSpec, now: Int64, jitter: Int64) {
        self.spec = spec
        self.jitter = jitter
        kind = RateKind(spec)
        lastUse = now
        stream = RateStream(slack: ClusterSettings.slack(period: spec.periodNanoseconds) / 2)
    }

    private var period: Int64 { spec.periodNanoseconds }
    private var slack: Int64 { ClusterSettings.slack(period: period) }
    private var tolerance: Int64 { ClusterSettings.tolerance(period: period) }

    /// Whether anyone wants the rate.
    func isActive(now: Int64) -> Bool { now - lastUse < 1_200_000_000 }
    /// Whether somebody waits for an answer rather than for the limit.
    var isUndecided: Bool { away == nil && (isAsked || (waiting > 0 && refusedUntil < lastUse)) }
    /// Since when a taker waits.
    var waitsSince: Int64? { waitingSince }
    /// The bandwidth in hand, in slots per second; for the log and single slots what is left of them.
    func held(now: Int64) -> Double {
        switch kind {
        case .stream: now < leasedUntil ? Double(stream.rate) / 86_400_000 : 0
        case .slots: Double(slots.count)
        case .log: Double(logged.reduce(0) { $0 + ($1.close >= now ? $1.count : 0) })
        }
    }

    // MARK: Limiters

    /// Another rate under the same key: nothing that was leased under the old one is used any more.
    mutating func adopt(_ spec: ThrottleSpec, now: Int64) {
        guard spec.limit != self.spec.limit || spec.periodNanoseconds != self.spec.periodNanoseconds else {
            self.spec = spec
            return
        }
        var fresh = RatePool(spec: spec, now: now, jitter: jitter)
        fresh.askedAt = askedAt
        // What was spent from the share under the old rate stays spent.
        fresh.away = away.map { AwayRate(right: $0.right, kind: fresh.kind, spec: spec, slack: fresh.slack, replacing: $0, now: now) }
        self = fresh
    }

    /// Slots from the lease, or when to try again.
    mutating func lease(_ want: Int, now: Int64, settings: ClusterSettings) -> RateLease {
        lastUse = now
        away = nil
        switch kind {
        case .stream:
            guard now < leasedUntil, let open = stream.opening(now: now) else { return refuse(now: now, settings: settings) }
            guard open < leasedUntil, open <= now + settings.keySpacing else {
                // The lease will have been renewed by then, as somebody wants it.
                isBacklogged = true
                if waitingSince == nil { waitingSince = now }
                return .retry(atNanoseconds: min(open, now + 500_000_000))
            }
            if open > now { isBacklogged = true }
            let interval = Int64(stream.interval)
            // A run no longer than half the slack: what is handed to one loop cannot be used by another.
            let room = max(1, Int(min(64, (leasedUntil - open) / max(1, interval))))
            let count = stream.spend(max(1, min(want, room)), now: now, end: max(open, min(leasedUntil, now + slack / 4)))
            guard count > 0 else { return refuse(now: now, settings: settings) }
            if spent == 0 { spendingSince = now }
            spent += count
            waitingSince = open > now ? (waitingSince ?? now) : nil
            let end = open + Int64(count - 1) * interval
            return .slots(
                RateSlots(
                    firstOpen: open, interval: interval, tolerance: max(0, min(slack / 2, leasedUntil - end)), count: count))
        case .slots:
            _ = slots.dropClosed(now: now)
            guard !slots.isEmpty else { return refuse(now: now, settings: settings) }
            waitingSince = nil
            return .slots(slots.remove(1))
        case .log:
            dropLogged(now: now)
            guard !logged.isEmpty else { return refuse(now: now, settings: settings) }
            let open = max(now, logged[0].open)
            if open > now, waitingSince == nil { waitingSince = now }
            guard open <= now + settings.keySpacing else { return .retry(atNanoseconds: open) }
            logged[0].count -= 1
            if logged[0].count == 0 { batch = min(batch * 2, 64) }
            if open <= now { waitingSince = nil }
            return .slots(RateSlots(firstOpen: open, interval: 1, tolerance: logged[0].close - open, count: 1))
        }
    }

    private mutating func dropLogged(now: Int64) {
        for slot in logged where slot.close < now && slot.count > 0 {
            unused = (slot.name, slot.count)
            batch = max(1, batch / 2)
        }
        logged.removeAll { $0.close < now || $0.count == 0 }
    }

    private mutating func refuse(now: Int64, settings: ClusterSettings) -> RateLease {
        waiting = min(waiting + 1, 100_000)
        if waitingSince == nil { waitingSince = now }
        isBacklogged = true
        // While the answer is on its way it is looked for often; else it comes a few milliseconds after the next question.
        if isAsked { return .retry(atNanoseconds: now + 8_000_000) }
        let next = max(now, askedAt + settings.keySpacing, refusedUntil)
        // Never far ahead: the node may have to live on its share before that.
        return .retry(atNanoseconds: min(max(now + 8_000_000, next + 4_000_000), now + 500_000_000))
    }

    /// Slots that were not used.
    mutating func giveBack(_ unused: RateSlots, now: Int64) {
        guard away == nil else { return }
        switch kind {
        case .stream: if now < leasedUntil, unused.firstClose >= now { stream.restore(unused.count) }
        case .slots: _ = slots.restore(unused)
        case .log:
            let close = unused.firstClose
            if let index = logged.firstIndex(where: { $0.close == close }) { logged[index].count += 1 }
        }
    }

    // MARK: Share

    /// Slots from the node's own share, or when to try again.
    mutating func leaseAway(_ want: Int, right: AwayRight, now: Int64) -> RateLease {
        lastUse = now
        if away?.right.kind != right.kind || away?.right.limit != right.limit {
            // What was spent under the former right stays spent.
            away = AwayRate(right: right, kind: kind, spec: spec, slack: slack, replacing: away, now: now)
        }
        // Its beginning too: between two absences the others may have used all of the limit.
        away?.right = right
        leasedUntil = .min / 4
        slots = .none
        logged = []
        guard let lease = away?.lease(want, now: now) else { return .retry(atNanoseconds: now + 500_000_000) }
        if case .slots = lease {
            waitingSince = nil
        } else if waitingSince == nil {
            waitingSince = now
        }
        return lease
    }

    // MARK: Store

    /// The question got no answer.
    mutating func unanswered() { isAsked = false }

    /// When the store should be asked; `.max` when nothing is wanted.
    func due(now: Int64, settings: ClusterSettings) -> Int64 {
        guard isActive(now: now) else { return .max }
        let earliest = max(askedAt + settings.keySpacing, refusedUntil)
        switch kind {
        case .stream:
            let renewal = now < leasedUntil ? askedAt + settings.rateRefresh : earliest
            return max(earliest, isShort ? earliest : renewal)
        case .slots, .log:
            return waiting > 0 && slots.isEmpty && logged.allSatisfy({ $0.close < now }) ? earliest : .max
        }
    }

    private var isShort = false

    /// The question, as the script wants it: seven fields after the kind.
    mutating func question(now: Int64, settings: ClusterSettings) -> [String] {
        let elapsed = Double(max(50_000_000, now - max(askedAt, spendingSince, now - 5_000_000_000)))
        let rate = Double(spent) * 1e9 / elapsed
        demand = max(rate, demand * 0.6 + rate * 0.4)
        askedAt = now
        isAsked = true
        dropLogged(now: now)
        defer {
            spent = 0
            waiting = 0
            isBacklogged = false
        }
        let periodMicroseconds = max(1, period / 1000)
        let limit = spec.limit
        switch kind {
        case .log:
            defer { unused = (0, 0) }
            // Over a long period a slot that nobody uses is missed for long: only as many as somebody waits for.
            let want = period <= 5_000_000_000 ? max(waiting, batch) : waiting
            return [
                "1", "\(limit)", "\(periodMicroseconds)", "\(tolerance / 1000)", "\(max(1, min(want, limit)))", "\(unused.name)",
                "\(unused.count)", "0",
            ]
        case .slots:
            return ["2", "\(limit)", "\(periodMicroseconds)", "\(tolerance / 1000)", "\(max(1, min(waiting, 3)))", "0", "0", "0"]
        case .stream:
            let have = now < leasedUntil ? stream.rate : 0
            let left = now < leasedUntil ? (leasedUntil - now) / 1000 : 0
            // In thousandths per day, the unit of the script.
            let wanted = isBacklogged ? Self.everything : Int64(min(max(demand * 1.5, 4) * 86_400_000, Double(Self.everything)))
            return [
                "3", "\(limit)", "\(periodMicroseconds)", "\(slack / 1000)", "\(settings.rateTTL / 1000)", "\(have)", "\(left)",
                "\(wanted)",
            ]
        }
    }

    private static let everything: Int64 = 1_000_000_000_000_000

    /// The store's answer to a question sent at `sentAt`.
    /// - Parameter lag: how far apart the store's clocks are, in nanoseconds.
    mutating func receive(_ answer: ArraySlice<Int64>, lag: Int64, sentAt: Int64, now: Int64) {
        let a = Array(answer)
        // Single slots have their distance where the others say when to ask again.
        let retry = min(max(0, a[0] == Int64(RateKind.slots.rawValue) ? a[4] : a[3]), 60_000_000) * 1000
        isAsked = false
        guard a[0] == Int64(kind.rawValue) else { return }
        switch kind {
        case .log:
            if a[1] > 0 {
                // Late is safe at the opening, early at the close.
                let length = min(max(0, a[2]), 3_600_000_000) * 1000
                let open = length > tolerance ? now + length - tolerance : now
                let close = sentAt + length - 1_000_000
                let count = Int(min(a[1], 64))
                if close > open { logged.append((open, close, a[4], count)) } else { unused = (a[4], count) }
            }
            if a[1] == 0 || retry > 1000 { refusedUntil = now + retry + jitter % max(1, min(retry / 8, 20_000_000)) }
            taken = a[5]
        case .slots:
            if a[1] > 0 {
                let offset = min(max(0, a[2]), 86_400_000_000) * 1000
                let open = now + offset
                // Late is safe at the opening, early at the close.
                let tolerance = tolerance - lag - (now - sentAt) - 1_000_000
                if tolerance > 0 {
                    slots = RateSlots(
                        firstOpen: open, interval: min(max(1, a[3]), 86_400_000_000) * 1000, tolerance: tolerance, count: Int(min(a[1], 64))
                    )
                }
                refusedUntil = .min / 4
            } else {
                refusedUntil = now + retry + jitter % max(1, min(retry / 4, 200_000_000))
            }
            taken = a[5]
        case .stream:
            let rate = min(max(0, a[1]), Self.everything)
            isShort = retry > 0
            let end = sentAt + min(max(0, a[2]), 60_000_000) * 1000
            if rate > 0, end > now {
                if now >= leasedUntil { stream.setRate(0, now: now) }
                stream.setRate(rate, now: now)
                leasedUntil = end
                refusedUntil = .min / 4
            } else {
                // What was leased before may be used up to its end.
                refusedUntil = now + max(retry, 100_000_000) + jitter % 100_000_000
            }
            taken = a[5]
        }
    }
}
