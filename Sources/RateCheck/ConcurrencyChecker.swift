/// Checks how many were open at once, from records of opening and closing in order. *State machine*; O(1) per record.
package struct ConcurrencyChecker: Sendable {
    private let limit: Int
    private var open = 0
    private var openOf: [Int32: Int] = [:]
    private var report: ConcurrencyReport
    private var last = Int64.min

    /// Nothing is open.
    package init(limit: Int) {
        self.limit = max(1, limit)
        report = ConcurrencyReport(limit: self.limit)
    }

    /// The next record; times never go back.
    ///
    /// A node may be unknown when it opens (a sink learns the name later), so closings are only required not to outnumber openings in all.
    package mutating func add(_ record: CheckRecord) throws(CheckError) {
        guard record.time >= last else { throw CheckError(.order, "records must be in order: \(record.time) comes after \(last)") }
        last = record.time
        guard record.change > 0 else {
            guard open > 0 else { throw CheckError(.record, "more closed than opened at \(record.time)") }
            open -= 1
            report.closed += 1
            if record.node != NameTable.nobody { openOf[record.node, default: 0] -= 1 }
            return
        }
        open += 1
        report.opened += 1
        if record.node != NameTable.nobody { openOf[record.node, default: 0] += 1 }
        if open > report.worst {
            report.worst = open
            report.worstAt = record.time
        }
        if open > limit {
            report.openedOver += 1
            report.overshoot = max(report.overshoot, open - limit)
        }
    }

    /// What was found so far.
    package var result: ConcurrencyReport {
        var report = report
        report.stillOpen = open
        return report
    }
}

/// What the check of a limit found. *Value.*
package struct ConcurrencyReport: Sendable, Equatable {
    /// The limit that was checked.
    package var limit: Int
    /// How many were opened.
    package var opened = 0
    /// How many were closed.
    package var closed = 0
    /// How many are open at the end.
    package var stillOpen = 0
    /// The most that were open at once.
    package var worst = 0
    /// When that was.
    package var worstAt: Int64 = 0
    /// By how many the most exceeds the limit.
    package var overshoot = 0
    /// How many were opened beyond the limit.
    package var openedOver = 0

    /// Nothing seen.
    package init(limit: Int) { self.limit = limit }
}
