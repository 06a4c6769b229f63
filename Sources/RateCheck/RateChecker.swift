/// Checks one rate against the records of its sends, in order. *State machine*; O(1) amortised per record, memory of one window.
///
/// Exact: the worst of all closed windows [t, t + P] ends at a record, so it is enough to count, at each record, those no more than P
/// before it.
package struct RateChecker: Sendable {
    /// Records that one window may hold.
    package static let capacity = 1 << 24

    private let promise: RatePromise
    private var window: TimeWindow
    private var backWindow: TimeWindow
    private var worst = RateReport.Window(count: 0, start: 0, end: 0)
    private var violations = 0
    private var total = 0
    private var inside = 0
    private var first: Int64?
    private var last: Int64?
    private var spread = NodeSpread()
    private var gaps: GapFinder
    private var backAfter: Int64?

    /// A checker that has seen nothing.
    package init(_ promise: RatePromise, capacity: Int = Self.capacity) {
        self.promise = promise
        window = TimeWindow(length: promise.period, capacity: capacity)
        backWindow = TimeWindow(length: promise.backWindow, capacity: capacity)
        gaps = GapFinder(threshold: promise.period)
    }

    /// The next record; times never go back.
    package mutating func add(_ record: CheckRecord) throws(CheckError) {
        let time = record.time
        if let last, time < last { throw CheckError(.order, "records must be in order: \(time) comes after \(last)") }
        try window.add(time)
        if window.count > worst.count { worst = RateReport.Window(count: window.count, start: window.oldest ?? time, end: time) }
        if window.count > promise.limit { violations += 1 }
        try lookForReturn(time)
        total += 1
        if first == nil { first = time }
        last = time
        guard time >= promise.from ?? .min, time <= promise.to ?? .max else { return }
        inside += 1
        gaps.add(time, after: promise.from)
        spread.add(time, node: record.node, after: promise.from)
    }

    private mutating func lookForReturn(_ time: Int64) throws(CheckError) {
        guard backAfter == nil, let broken = promise.brokenAt, time >= broken else { return }
        try backWindow.add(time)
        // The earliest window that is full begins at the moment itself, or where the one that ends here begins.
        if backWindow.count >= promise.backCount { backAfter = max(0, time - promise.backWindow - broken) }
    }

    /// What was found so far. `nodes`: how many take part, those that sent nothing included.
    package func report(nodes: Int = 0) -> RateReport {
        let from = promise.from ?? first ?? 0
        let to = max(from, promise.to ?? last ?? from)
        let allowed = Double(promise.limit) * Double(to - from) / Double(promise.period)
        return RateReport(
            limit: promise.limit, period: promise.period, total: total, worst: worst, overshoot: max(0, worst.count - promise.limit),
            windowsOver: violations, from: from, to: to, inside: inside, utilisation: allowed > 0 ? Double(inside) / allowed : 0,
            gap: gaps.longest(until: promise.to), gapsOverPeriod: gaps.overThreshold(until: promise.to),
            nodes: spread.nodes(until: promise.to), jain: spread.jain(nodes: nodes), backAfter: backAfter)
    }
}
