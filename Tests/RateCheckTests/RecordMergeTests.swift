import Testing

@testable import RateCheck

/// Records from several files, each nearly in order.
@Suite struct RecordMergeTests {
    /// Merges texts, given in pieces of that size.
    static func merge(_ texts: [String], slack: Int64, piece: Int) throws -> [Int64] {
        var merge = RecordMerge(.rates, sources: texts.indices.map { "f\($0)" }, slack: slack, allowsTorn: false)
        var rests = texts.map { Array($0.utf8)[...] }
        var times: [Int64] = []
        while true {
            switch merge.next() {
            case .end: return times
            case .record(let record): times.append(record.time)
            case .needs(let source):
                if rests[source].isEmpty {
                    try merge.end(source: source)
                } else {
                    try merge.read(rests[source].prefix(piece), source: source)
                    rests[source] = rests[source].dropFirst(piece)
                }
            }
        }
    }

    @Test(arguments: 1...60) func ordersWhatIsNearlyInOrder(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let slack = Int64.random(in: 0...20, using: &random)
        let files = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            var time: Int64 = 100
            return (0..<Int.random(in: 0...80, using: &random)).map { _ -> Int64 in
                time += Int64.random(in: 0...8, using: &random)
                return time - Int64.random(in: 0...slack, using: &random)
            }
        }
        let texts = files.map { $0.map { "\($0) k\n" }.joined() }
        let piece = Int.random(in: 1...50, using: &random)
        #expect(try Self.merge(texts, slack: slack, piece: piece) == files.flatMap { $0 }.sorted(), "seed \(seed)")
    }

    @Test func refusesWhatComesTooLate() {
        let error = #expect(throws: CheckError.self) { try Self.merge(["100 k\n200 k\n300 k\n150 k\n"], slack: 50, piece: 6) }
        #expect(error?.code == .order)
        #expect(error?.message.contains("line 4") == true)
    }

    @Test func atOneInstantOpeningsComeFirst() throws {
        var order = RecordOrder(slack: 0, source: "f")
        try order.add(CheckRecord(time: 5, change: -1), line: 1)
        try order.add(CheckRecord(time: 5, change: 1), line: 2)
        order.end()
        #expect(order.take()?.change == 1)
        #expect(order.take()?.change == -1)
        #expect(order.take() == nil)
    }

    @Test func boundsWhatWaits() throws {
        var order = RecordOrder(slack: 100, capacity: 3, source: "f")
        for time in 1...3 as ClosedRange<Int64> { try order.add(CheckRecord(time: time), line: Int(time)) }
        let error = #expect(throws: CheckError.self) { try order.add(CheckRecord(time: 4), line: 4) }
        #expect(error?.code == .bound)
    }
}
