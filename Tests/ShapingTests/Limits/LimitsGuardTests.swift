import Testing

@testable import Shaping

/// Rates that are to hold at a peer: what is done in time may reach it late, by up to the guard time.
@Suite struct LimitsGuardTests {
    @Test(
        arguments: [
            (1, 1, nil), (10, 1, nil), (10, 1, 1), (50, 1, nil), (64, 1, nil), (65, 1, nil), (100, 1, nil), (1000, 1, nil), (100, 60, nil),
            (5, 86_400, nil),
        ] as [(Int, Int64, Int?)])
    func noWindowAtThePeerHoldsMore(_ limit: Int, _ seconds: Int64, _ burst: Int?) {
        let period = seconds * 1_000_000_000
        let spec = ThrottleSpec(limit: limit, periodNanoseconds: period, maxBurst: burst)
        let late = RateRule(spec, isGuarded: true).guardTime
        #expect(late > 0 && late <= 100_000_000)
        for seed in 1...8 as ClosedRange<UInt64> {
            var random = SplitRandom(state: seed)
            var limiter = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: InProcessLimitRoot(isGuarded: true))
            var arrivals: [Int64] = []
            var now: Int64 = 1_000_000_000_000
            let end = now + 6 * period
            while now < end {
                switch limiter.take(1, now: now) {
                case .granted: arrivals.append(now + Int64.random(in: 0...late, using: &random))
                // Sometimes nobody has anything to send for a while.
                case .wait(let until): now = until + (Int.random(in: 0..<20 * limit, using: &random) == 0 ? period / 3 : 0)
                }
                now += Int64.random(in: 0...1000, using: &random)
            }
            arrivals.sort()
            var first = 0
            var most = 0
            for (index, time) in arrivals.enumerated() {
                while arrivals[first] < time - period { first += 1 }
                most = max(most, index - first + 1)
            }
            #expect(most <= limit, "seed \(seed)")
            #expect(Double(arrivals.count) > Double(limit) * 6 * 0.6, "seed \(seed): \(arrivals.count) in six periods")
        }
    }

    @Test func withoutAGuardNothingIsLost() {
        #expect(RateRule(ThrottleSpec(limit: 50, periodNanoseconds: 1_000_000_000)).guardTime == 0)
        #expect(RateRule(ThrottleSpec(limit: 500, periodNanoseconds: 1_000_000_000)).guardTime == 0)
    }

    /// *Value.* Chance with a seed.
    private struct SplitRandom: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let x = state
            return (x ^ (x >> 29)) &* 0xBF58_476D_1CE4_E5B9
        }
    }
}
