import Shaping

/// One node that sends as fast as its admission allows. *Loop-confined*; one thread, which sleeps until the next thing can happen.
struct RateLoop {
    private struct Key {
        var readyAt: Int64
        var retryAt: Int64
        var lastGrant = Int64.min / 2
        var arrivals = 0
    }

    private let plan: BenchPlan
    private let admission: any RateAdmission
    private let file: RecordFile?
    private var keys: [Key] = []
    private(set) var grants = 0
    private(set) var waits = WaitSamples()

    init(plan: BenchPlan, admission: any RateAdmission, file: RecordFile?) {
        self.plan = plan
        self.admission = admission
        self.file = file
    }

    /// Runs until the time is over or a signal comes.
    mutating func run(from start: Int64) throws(BenchError) {
        let end = start + Int64(plan.seconds * 1e9)
        keys = (0..<plan.keys).map { index in
            let first = arrival(0, key: index, start: start)
            return Key(readyAt: first, retryAt: first)
        }
        while !StopFlag.isSet {
            let now = BenchClock.now()
            if now >= end { break }
            var wake = min(end, now + 100_000_000)
            if plan.demand != .none {
                for index in keys.indices { wake = min(wake, try serve(index, start: start, end: end)) }
            }
            if wake > BenchClock.now() { BenchClock.sleep(until: wake) }
        }
    }

    /// Sends what may go of one key; says when to look again. A key gives way after some messages, so that others come to their turn.
    private mutating func serve(_ index: Int, start: Int64, end: Int64) throws(BenchError) -> Int64 {
        for _ in 0..<32 {
            let now = BenchClock.now()
            let due = max(keys[index].readyAt, keys[index].retryAt)
            guard due <= now, now < end else { return due }
            switch admission.take(index, now: now) {
            case .wait(let until):
                keys[index].retryAt = until
                return until
            case .granted:
                let sent = BenchClock.now()
                try file?.add(sent, key: index)
                grants += 1
                waits.add(max(0, sent - max(keys[index].readyAt, keys[index].lastGrant + plan.shareInterval)))
                keys[index].lastGrant = sent
                keys[index].arrivals += 1
                keys[index].readyAt = arrival(keys[index].arrivals, key: index, start: start, now: sent)
            }
        }
        return 0
    }

    /// When the next message of a key is ready.
    private func arrival(_ number: Int, key: Int, start: Int64, now: Int64 = 0) -> Int64 {
        guard case .rate(let rate) = plan.demand else { return max(start, now) }
        return start + Int64((Double(number * plan.keys + key) + Double(plan.index) / Double(max(1, plan.nodes))) / rate * 1e9)
    }
}
