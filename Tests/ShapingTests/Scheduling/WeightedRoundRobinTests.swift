import Shaping
import TestSupport
import Testing

@Suite struct WeightedRoundRobinTests {
    @Test(
        arguments: [
            ([("a", 1), ("b", 1), ("c", 1)], "abcabc"),
            ([("a", 4), ("b", 3), ("c", 2)], "aababcabc"),
            ([("a", 50), ("b", 10), ("c", 10)], "aaaaabc"),
            ([("a", 2), ("z", 0), ("b", 2), ("n", -5)], "abab"),
            ([("a", 7)], "aaa"),
        ] as [([(String, Int)], String)])
    func order(elements: [(String, Int)], expected: String) {
        var rotation = WeightedRoundRobin(elements)
        #expect(expected.map { _ in rotation.next() ?? "-" }.joined() == expected)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func everyCycleIsExact(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let weights = (0..<Int.random(in: 1...8, using: &random)).map { _ in Int.random(in: 0...30, using: &random) }
        var rotation = WeightedRoundRobin(Array(weights.enumerated()).map { ($0.offset, $0.element) })
        for cycle in 0..<3 {
            var turns = [Int](repeating: 0, count: weights.count)
            for _ in 0..<weights.reduce(0, +) {
                guard let element = rotation.next() else {
                    Issue.record("seed \(seed): no element")
                    return
                }
                turns[element] += 1
            }
            #expect(turns == weights, "seed \(seed), cycle \(cycle)")
        }
    }

    @Test func nothingToTake() {
        var none = WeightedRoundRobin<Int>([])
        var excluded = WeightedRoundRobin([(1, 0)])
        #expect(none.next() == nil && excluded.next() == nil)
        #expect(none.isEmpty && excluded.isEmpty)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func asksEachElementAtMostOnce(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...20, using: &random)
        var rotation = WeightedRoundRobin((0..<count).map { ($0, Int.random(in: 1...1000, using: &random)) })
        for _ in 0..<20 {
            let open = Set((0..<count).filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
            var asked: [Int] = []
            let element = rotation.next {
                asked.append($0)
                return open.contains($0)
            }
            #expect(Set(asked).count == asked.count, "seed \(seed)")
            #expect((element == nil) == open.isEmpty, "seed \(seed)")
            if element == nil { #expect(asked.count == count, "seed \(seed)") }
        }
    }

    /// The warm-up case: the heavy source is exhausted, and the others share the overflow by their own weights.
    @Test func overflowKeepsProportions() {
        var rotation = WeightedRoundRobin([("warm", 1_000_000), ("b", 2), ("c", 1)])
        var turns: [String: Int] = [:]
        for _ in 0..<300 {
            if let element = rotation.next(where: { $0 != "warm" }) { turns[element, default: 0] += 1 }
        }
        #expect(turns == ["b": 200, "c": 100])
        #expect(rotation.next() == "warm" || rotation.next() == "warm")
    }

    /// Great weights without a common divisor must not mean millions of rounds for one call.
    @Test func timeDoesNotDependOnWeights() {
        var rotation = WeightedRoundRobin([(0, Int.max), (1, 1), (2, Int.max - 1)])
        #expect(rotation.next(where: { $0 == 1 }) == 1)
        #expect(rotation.next(where: { _ in false }) == nil)
    }
}
