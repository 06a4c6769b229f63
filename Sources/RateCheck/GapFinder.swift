/// The longest time between records. *Value.*
struct GapFinder: Sendable {
    private var longest = RateReport.Gap(length: 0, start: 0)
    private var over = 0
    private var last: Int64?
    private let threshold: Int64

    /// Gaps longer than `threshold` are counted.
    init(threshold: Int64) { self.threshold = threshold }

    /// The next record. The time since `begin` counts for the first one, when there is a begin.
    mutating func add(_ time: Int64, after begin: Int64?) {
        if let before = last ?? begin { note(time - before, from: before) }
        last = time
    }

    private mutating func note(_ length: Int64, from start: Int64) {
        if length > longest.length { longest = RateReport.Gap(length: length, start: start) }
        if length > threshold { over += 1 }
    }

    private func ended(at end: Int64?) -> GapFinder {
        guard let end, let last else { return self }
        var all = self
        all.note(end - last, from: last)
        return all
    }

    /// The longest gap, the one until `end` included.
    func longest(until end: Int64?) -> RateReport.Gap { ended(at: end).longest }

    /// How many were longer than the threshold.
    func overThreshold(until end: Int64?) -> Int { ended(at: end).over }
}
