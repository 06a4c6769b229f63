import Message
import Testing

@Suite struct MessageIDTests {
    @Test(arguments: [
        ("00000000000000000000000000000000", UInt64(0), UInt64(0)),
        ("0123456789abcdeffedcba9876543210", 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210),
        ("ffffffffffffffffffffffffffffffff", .max, .max),
    ])
    func hexBothWays(text: String, high: UInt64, low: UInt64) {
        let id = MessageID(high: high, low: low)
        #expect(id.hex == text)
        #expect(MessageID(hex: text) == id)
        #expect(MessageID(hex: text.uppercased()) == id)
        #expect(MessageID(hex: text.dropFirst(0)) == id)
    }

    @Test(arguments: [
        "", "0", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100", "0123456789abcdeffedcba987654321g",
        "01234567-89ab-cdef-fedc-ba9876543210", " 123456789abcdeffedcba9876543210", "０123456789abcdeffedcba9876543210",
    ])
    func refusesOtherText(text: String) {
        #expect(MessageID(hex: text) == nil)
    }

    @Test func comparesHighFirst() {
        let ordered = [
            MessageID(high: 0, low: .max), MessageID(high: 1, low: 0), MessageID(high: 1, low: 1), MessageID(high: 1 << 63, low: 0),
        ]
        #expect(ordered.reversed().sorted() == ordered)
        #expect(ordered.map(\.hex).sorted() == ordered.map(\.hex))
        #expect(!(ordered[0] < ordered[0]))
    }

    @Test(arguments: seeds)
    func generatorIncreasesThroughAnyClock(seed: UInt64) {
        var random = TestRandom(seed)
        var generator = MessageIDGenerator(node: seed, seed: random.next())
        var time: Int64 = 1_700_000_000_000_000_000
        var last = generator.next(unixNanoseconds: time)
        var wrong = 0
        for _ in 0..<20_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: time -= Int64.random(in: 0...5_000_000_000, using: &random)
            case 1: time += Int64.random(in: 0...5_000_000, using: &random)
            case 2: time += 1
            default: break
            }
            let next = generator.next(unixNanoseconds: time)
            let isVersion7 = next.high >> 12 & 0xF == 7 && next.low >> 62 == 2
            if !(last < next) || !isVersion7 { wrong += 1 }
            last = next
        }
        #expect(wrong == 0, "seed \(seed)")
    }

    @Test func carriesTheTime() {
        var generator = MessageIDGenerator(node: 1, seed: 2)
        let id = generator.next(unixNanoseconds: 1_700_000_000_123_456_789)
        #expect(id.unixMilliseconds == 1_700_000_000_123)
        #expect(id.high & 0xFFF == 456_789 * 4096 / 1_000_000)
        #expect(generator.next(unixNanoseconds: 5).unixMilliseconds == 1_700_000_000_123)
    }

    @Test(arguments: [Int64.min, -1, 0, 1, .max])
    func survivesExtremeTimes(time: Int64) {
        var generator = MessageIDGenerator(node: .max, seed: 0)
        let first = generator.next(unixNanoseconds: time)
        let second = generator.next(unixNanoseconds: time)
        #expect(first < second)
        #expect(first.unixMilliseconds == max(0, time) / 1_000_000)
    }

    @Test func sameInputsSameIdentities() {
        var a = MessageIDGenerator(node: 7, seed: 9)
        var b = MessageIDGenerator(node: 7, seed: 9)
        #expect((0..<100).map { a.next(unixNanoseconds: $0) } == (0..<100).map { b.next(unixNanoseconds: $0) })
    }

    @Test func nodesAndSeedsDoNotMeet() {
        var seen: Set<MessageID> = []
        for node in UInt64(0)..<20 {
            for seed in UInt64(0)..<20 {
                var generator = MessageIDGenerator(node: node, seed: seed)
                for _ in 0..<50 { seen.insert(generator.next(unixNanoseconds: 1_000)) }
            }
        }
        #expect(seen.count == 20_000)
    }
}
