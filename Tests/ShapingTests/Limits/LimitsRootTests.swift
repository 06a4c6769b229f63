import Testing

@testable import Shaping

struct LimitsRootTests {
    @Test func `Idle keys are dropped and their number is bounded`() {
        let root = InProcessLimitRoot(grace: 0, capacity: 100)
        func take(_ name: String, _ spec: ThrottleSpec, _ now: Int64) -> LimitDecision {
            var limiter = RateLimiter(key: LimitKey(name: name), spec: spec, root: root)
            return limiter.take(1, now: now)
        }
        var granted = 0
        for k in 0..<200 where take("k\(k)", spec(k % 2 == 0 ? 5 : 500), 0) == .granted { granted += 1 }
        #expect(granted == 100)
        #expect(root.keyCounts.rates == 100)
        // Known keys still answer, new ones wait.
        #expect(take("k0", spec(5), 1) == .granted)
        #expect(take("new", spec(5), 1) != .granted)
        #expect(take("new", spec(5), 100 * second) == .granted)
        #expect(root.keyCounts.rates == 1)
    }

    @Test func `A key in its period is not forgotten`() {
        let root = InProcessLimitRoot()
        let hour = spec(2, per: 3600 * second)
        var granted = 0
        for minute in 0..<60 {
            var limiter = RateLimiter(key: LimitKey(name: "k"), spec: hour, root: root)
            if limiter.take(1, now: Int64(minute) * 60 * second) == .granted { granted += 1 }
        }
        #expect(granted == 2)
    }

    @Test(arguments: 0..<100)
    func `A changed rate never exceeds the larger one`(seed: Int) {
        var random = LimitsRandom(seed: seed)
        let root = InProcessLimitRoot()
        let rates = random.pick([[5, 20], [64, 65], [10, 1000], [100, 1000], [100, 104], [1000, 3, 70], [500, 500]])
        func fresh() -> RateLimiter {
            let limit = random.pick(rates)
            return RateLimiter(key: LimitKey(name: "k"), spec: spec(limit, burst: random.pick([1, limit / 10 + 1, limit])), root: root)
        }
        var limiters = [fresh(), fresh(), fresh()]
        var window = LimitsWindow()
        var now: Int64 = 0
        for _ in 0..<3000 {
            now += random.chance(1) ? random.time(0...2 * second) : random.time(0...4 * millisecond)
            let index = Int.random(in: 0..<3, using: &random)
            if random.chance(1) { limiters[index] = fresh() }
            if limiters[index].take(1, now: now) == .granted { window.add(1, at: now) }
        }
        #expect(window.worst(period: second) <= rates.max()!, "seed \(seed), \(rates)")
        #expect(window.total >= 3, "seed \(seed), \(rates)")
    }

    @Test(arguments: [(100, 50), (50, 100), (1000, 100), (20, 10), (10, 20)])
    func `After a change the new rate holds and is used`(old: Int, new: Int) {
        let root = InProcessLimitRoot()
        var window = LimitsWindow()
        var limiter = RateLimiter(key: LimitKey(name: "k"), spec: spec(old), root: root)
        var now: Int64 = 0
        while now < 6 * second {
            if now == 2 * second { limiter = RateLimiter(key: LimitKey(name: "k"), spec: spec(new), root: root) }
            if limiter.take(1, now: now) == .granted { window.add(1, at: now) }
            now += millisecond / 2
        }
        #expect(window.worst(period: second) <= max(old, new))
        let after = window.count(from: 4 * second, to: 6 * second)
        #expect(after <= 2 * new && after * 100 >= 2 * new * 90, "\(after) in two seconds")
    }
}
