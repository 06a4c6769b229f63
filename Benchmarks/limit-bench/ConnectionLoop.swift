import Shaping

/// One node that holds connections, closes them after a while, and wants others. *Loop-confined.*
struct ConnectionLoop {
    private let plan: BenchPlan
    private let admission: any PermitAdmission
    private let file: RecordFile?
    /// When each open connection will be closed.
    private var closing: [Int64] = []
    private var chance: UInt64
    private(set) var opened = 0
    private(set) var most = 0
    private(set) var waits = WaitSamples()

    init(plan: BenchPlan, admission: any PermitAdmission, file: RecordFile?) {
        self.plan = plan
        self.admission = admission
        self.file = file
        chance = plan.seed &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    /// Runs until the time is over or a signal comes; then closes everything.
    mutating func run(from start: Int64) throws(BenchError) {
        let end = start + Int64(plan.seconds * 1e9)
        BenchClock.sleep(until: start)
        var wantedSince = start
        var retryAt = start
        while !StopFlag.isSet {
            let now = BenchClock.now()
            if now >= end { break }
            closing.sort()
            while let first = closing.first, first <= now { try close() }
            for _ in 0..<min(closing.count, admission.excess(now: now)) { try close() }
            var wake = min(end, closing.first ?? end, now + 100_000_000)
            if plan.demand != .none, closing.count < plan.wanted {
                if retryAt <= now {
                    switch admission.take(now: now) {
                    case .wait(let until): retryAt = until
                    case .granted:
                        let opened = BenchClock.now()
                        try file?.add(opened, key: 0)
                        self.opened += 1
                        waits.add(opened - wantedSince)
                        closing.append(opened + hold())
                        most = max(most, closing.count)
                        wantedSince = opened
                        continue
                    }
                }
                wake = min(wake, retryAt)
            } else {
                wantedSince = now
            }
            if wake > now { BenchClock.sleep(until: wake) }
        }
        // Who still waits at the end has waited so long at least.
        if plan.demand != .none, closing.count < plan.wanted { waits.add(max(0, BenchClock.now() - wantedSince)) }
        while !closing.isEmpty { try close() }
    }

    /// Recorded first: the permit is another's from the moment it is given.
    private mutating func close() throws(BenchError) {
        closing.removeFirst()
        let now = BenchClock.now()
        try file?.add(now, key: 0, change: -1)
        admission.give(now: now)
    }

    /// Half to one and a half times the time asked for.
    private mutating func hold() -> Int64 {
        chance ^= chance << 13
        chance ^= chance >> 7
        chance ^= chance << 17
        return Int64(plan.holdSeconds * 1e9 * (0.5 + Double(chance % 1000) / 1000))
    }
}
