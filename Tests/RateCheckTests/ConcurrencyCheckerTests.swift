import Testing

@testable import RateCheck

/// The checker of caps.
@Suite struct ConcurrencyCheckerTests {
    static func result(_ events: [(Int64, Int8)], limit: Int) throws -> ConcurrencyReport {
        var checker = ConcurrencyChecker(limit: limit)
        for (time, change) in events { try checker.add(CheckRecord(time: time, change: change)) }
        return checker.result
    }

    @Test func counts() throws {
        let report = try Self.result([(1, 1), (2, 1), (3, -1), (4, 1), (5, 1), (9, -1)], limit: 2)
        #expect(report.worst == 3)
        #expect(report.worstAt == 5)
        #expect(report.overshoot == 1)
        #expect(report.openedOver == 1)
        #expect((report.opened, report.closed, report.stillOpen) == (4, 2, 2))
    }

    @Test(arguments: 1...100) func agreesWithBruteForce(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let spans = (0..<Int.random(in: 0...60, using: &random)).map { _ in
            let start = Int64.random(in: 0...100, using: &random)
            return (start, start + Int64.random(in: 0...30, using: &random))
        }
        // Closed intervals: at one instant the openings come first.
        let records = spans.flatMap { [CheckRecord(time: $0.0), CheckRecord(time: $0.1, change: -1)] }.sorted { $0 < $1 }
        var checker = ConcurrencyChecker(limit: 3)
        for record in records { try checker.add(record) }
        let worst: Int = (0...130).map { t in spans.count { $0.0 <= t && $0.1 >= t } }.max() ?? 0
        #expect(checker.result.worst == worst, "seed \(seed)")
        #expect(checker.result.overshoot == max(0, worst - 3), "seed \(seed)")
        #expect(checker.result.stillOpen == 0)
    }

    @Test func refusesWhatCannotBe() {
        #expect(throws: CheckError.self) { try Self.result([(1, -1)], limit: 1) }
        #expect(throws: CheckError.self) { try Self.result([(2, 1), (1, 1)], limit: 1) }
    }
}
