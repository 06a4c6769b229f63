/// What this node has counted: what the cluster does not know yet, and its own part of the last hour. *State machine*, bounded.
struct CounterTable: Sendable {
    /// Something to tell the cluster.
    struct Telling: Sendable, Equatable {
        var series: String
        var number: Int64
        var amount: Int
    }

    private struct Series: Sendable {
        /// Counted, and not on its way.
        var waiting = 0
        /// When the oldest of it was counted.
        var since: Int64 = 0
        /// On its way: the same number and amount until it is confirmed or too old.
        var told: (number: Int64, amount: Int, asked: Int64, since: Int64)?
        /// Ten seconds -> count.
        var own: [Int64: Int] = [:]
        var used: Int64 = 0
    }

    static let bucket: Int64 = 10_000_000_000
    static let kept: Int64 = 3_600_000_000_000
    static let seriesLimit = 10_000
    static let amountLimit = 1 << 40
    /// How long an answer is waited for.
    static let patience: Int64 = 3_000_000_000
    /// What could not be told for so long would be counted at the wrong time.
    static let staleAfter: Int64 = 10_000_000_000

    private var series: [String: Series] = [:]
    private var number: Int64 = 0
    /// Series that are waiting or on their way.
    private var untold: Set<String> = []
    /// Counted here, but never told: too old, or too many series.
    private(set) var lost = 0

    /// Counts.
    mutating func add(_ name: String, by amount: Int, now: Int64) {
        guard amount > 0 else { return }
        let amount = min(amount, Self.amountLimit)
        if series[name] == nil {
            if series.count >= Self.seriesLimit { sweep(now: now) }
            guard series.count < Self.seriesLimit, (1...256).contains(name.utf8.count) else {
                lost += amount
                return
            }
        }
        var one = series[name] ?? Series()
        if one.waiting == 0 { one.since = now }
        one.waiting = min(one.waiting + amount, Self.amountLimit)
        one.own[now / Self.bucket, default: 0] += amount
        one.used = now
        if one.own.count > 400 { one.own = one.own.filter { ($0.key + 1) * Self.bucket > now - Self.kept } }
        series[name] = one
        untold.insert(name)
    }

    private mutating func sweep(now: Int64) {
        series = series.filter { untold.contains($0.key) || now - $0.value.used < Self.kept }
    }

    /// What the cluster should be told now, at most `most` of it.
    mutating func tellings(most: Int, now: Int64) -> [Telling] {
        var tellings: [Telling] = []
        for name in untold where tellings.count < most {
            if let telling = telling(name, now: now) { tellings.append(telling) }
        }
        return tellings
    }

    /// What the cluster should be told of one series now; nil = nothing, or an answer is awaited.
    mutating func telling(_ name: String, now: Int64) -> Telling? {
        guard var one = series[name] else { return nil }
        defer {
            series[name] = one
            if one.waiting == 0, one.told == nil { untold.remove(name) }
        }
        if let told = one.told {
            guard now - told.asked >= Self.patience else { return nil }
            if now - told.since < Self.staleAfter {
                one.told!.asked = now
                return Telling(series: name, number: told.number, amount: told.amount)
            }
            lost += told.amount
            one.told = nil
        }
        if one.waiting > 0, now - one.since >= Self.staleAfter {
            lost += one.waiting
            one.waiting = 0
        }
        guard one.waiting > 0 else { return nil }
        number += 1
        one.told = (number, one.waiting, now, one.since)
        defer { one.waiting = 0 }
        return Telling(series: name, number: number, amount: one.waiting)
    }

    /// The cluster has counted it.
    mutating func confirmed(_ telling: Telling) {
        guard let told = series[telling.series]?.told, told.number == telling.number else { return }
        series[telling.series]?.told = nil
        if series[telling.series]?.waiting == 0 { untold.remove(telling.series) }
    }

    /// It is not known whether the cluster has counted it: the same is told again, soon.
    mutating func failed(_ telling: Telling) {
        guard let told = series[telling.series]?.told, told.number == telling.number else { return }
        series[telling.series]?.told?.asked = .min / 2
    }

    /// Counted here, and not on its way.
    func waiting(_ name: String) -> Int { series[name]?.waiting ?? 0 }

    /// This node's own part over a window.
    func own(_ name: String, window: Int64, now: Int64) -> Int {
        guard let one = series[name] else { return 0 }
        let from = now - min(max(window, 0), Self.kept)
        return one.own.reduce(0) { sum, count in
            let end = (count.key + 1) * Self.bucket
            guard end > from else { return sum }
            return sum + Int(Double(count.value) * min(1, Double(end - from) / Double(Self.bucket)))
        }
    }
}
