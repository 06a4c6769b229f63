import Testing

@testable import RateCheck

/// The checker of rates, by hand and against one that tries every window.
@Suite struct RateCheckerTests {
    static func report(_ times: [Int64], _ promise: RatePromise, nodes: [Int32] = []) throws -> RateReport {
        var checker = RateChecker(promise)
        for (index, time) in times.enumerated() {
            try checker.add(CheckRecord(time: time, node: index < nodes.count ? nodes[index] : NameTable.nobody))
        }
        return checker.report()
    }

    /// Tries all closed windows that begin at a record.
    static func worst(_ times: [Int64], period: Int64) -> Int {
        times.map { start in times.count { $0 >= start && $0 - start <= period } }.max() ?? 0
    }

    @Test(arguments: [
        (times: [Int64](), limit: 1, worst: 0, overshoot: 0),
        ([5], 1, 1, 0),
        ([0, 10], 1, 2, 1),  // both ends of [0, 10] belong to it
        ([0, 11], 1, 1, 0),
        ([0, 0, 0], 2, 3, 1),
        ([0, 5, 10, 15, 20], 3, 3, 0),
        ([0, 5, 10, 15, 20], 2, 3, 1),
        ([0, 1, 2, 100, 101, 102, 103], 3, 4, 1),
    ])
    func closedWindows(_ times: [Int64], _ limit: Int, _ worst: Int, _ overshoot: Int) throws {
        let report = try Self.report(times, RatePromise(limit: limit, period: 10))
        #expect(report.worst.count == worst)
        #expect(report.overshoot == overshoot)
        #expect(report.total == times.count)
    }

    @Test func saysWhere() throws {
        let report = try Self.report([0, 50, 51, 58, 70], RatePromise(limit: 2, period: 10))
        #expect(report.worst == RateReport.Window(count: 3, start: 50, end: 58))
        #expect(report.windowsOver == 1)
    }

    @Test(arguments: 1...200) func agreesWithBruteForce(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let count = Int.random(in: 0...120, using: &random)
        let span = Int64.random(in: 1...400, using: &random)
        let times = (0..<count).map { _ in Int64.random(in: 0...span, using: &random) }.sorted()
        var promise = RatePromise(limit: Int.random(in: 1...10, using: &random), period: Int64.random(in: 1...80, using: &random))
        let from = Int64.random(in: 0...span, using: &random)
        let to = Int64.random(in: from...span, using: &random)
        (promise.from, promise.to) = (from, to)
        promise.brokenAt = Int64.random(in: 0...span, using: &random)
        promise.backWindow = Int64.random(in: 1...40, using: &random)
        let report = try Self.report(times, promise)
        let worst = Self.worst(times, period: promise.period)
        #expect(report.worst.count == worst, "seed \(seed)")
        #expect(report.overshoot == max(0, worst - promise.limit), "seed \(seed)")
        #expect(report.inside == times.count { $0 >= from && $0 <= to }, "seed \(seed)")
        let marks = [from] + times.filter { $0 >= from && $0 <= to } + [to]
        let gaps = zip(marks, marks.dropFirst()).map { $1 - $0 }
        if marks.count > 2 { #expect(report.gap.length == gaps.max(), "seed \(seed)") }
        // The first window after the moment, tried at every nanosecond, that is full enough.
        let broken = promise.brokenAt ?? 0
        let back = (broken...max(broken, span + 1)).first { start in
            times.count { $0 >= start && $0 - start <= promise.backWindow } >= promise.backCount
        }
        #expect(report.backAfter == back.map { $0 - broken }, "seed \(seed)")
    }

    @Test func utilisationAndFairness() throws {
        var promise = RatePromise(limit: 10, period: 100)
        (promise.from, promise.to) = (0, 1000)
        let times = (0..<100).map { Int64($0) * 10 }
        var checker = RateChecker(promise)
        for (index, time) in times.enumerated() { try checker.add(CheckRecord(time: time, node: Int32(index % 4))) }
        let report = checker.report(nodes: 8)
        #expect(report.utilisation == 1.0)
        #expect(report.nodes.map(\.count) == [25, 25, 25, 25])
        #expect(report.nodes.map(\.longestGap) == [40, 40, 40, 40])
        #expect(report.jain == 0.5)  // four of eight sent, all alike
        #expect(checker.report().jain == 1)
    }

    @Test(arguments: [([1.0, 1, 1, 1], 4, 1.0), ([1, 0, 0, 0], 4, 0.25), ([], 4, 1), ([3, 1], 2, 0.8)])
    func jain(_ values: [Double], _ nodes: Int, _ expected: Double) {
        #expect(NodeSpread.jain(values, over: nodes) == expected)
    }

    @Test func refusesDisorderAndTooMuch() throws {
        var checker = RateChecker(RatePromise(limit: 1, period: 10), capacity: 3)
        try checker.add(CheckRecord(time: 5))
        #expect(throws: CheckError.self) { try checker.add(CheckRecord(time: 4)) }
        try checker.add(CheckRecord(time: 5))
        try checker.add(CheckRecord(time: 6))
        let error = #expect(throws: CheckError.self) { try checker.add(CheckRecord(time: 7)) }
        #expect(error?.code == .bound)
        try checker.add(CheckRecord(time: 17))  // the old ones have left the window
    }

    @Test(arguments: [
        ("1000/s", 1000, 1), ("6_000/min", 6000, 60), ("20/30min", 20, 1800), ("100,000/day", 100_000, 86_400), ("1/2h", 1, 7200),
    ])
    func parses(_ text: String, _ limit: Int, _ seconds: Int64) throws {
        #expect(try RatePromise(parsing: text) == RatePromise(limit: limit, period: seconds * 1_000_000_000))
    }

    @Test(arguments: ["", "10", "0/s", "-1/s", "1/", "1/x", "1/0s", "1/s/s", "99999999999/s", "1/99999999999999999999s", "1/999d", "1/s "])
    func refuses(_ text: String) {
        #expect(throws: CheckError.self) { try RatePromise(parsing: text) }
    }

    @Test func moments() throws {
        #expect(try RecordMoment(parsing: "1.5s").time(first: 10) == 1_500_000_010)
        #expect(try RecordMoment(parsing: "77").time(first: 10) == 77)
        for text in ["", "s", "-1s", "1e99s", "nans", "x", "-5", "1 s"] {
            #expect(throws: CheckError.self) { try RecordMoment(parsing: text) }
        }
    }
}
