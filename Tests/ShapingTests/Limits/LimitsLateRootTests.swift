import Testing

@testable import Shaping

struct LimitsLateRootTests {
    @Test(arguments: [spec(1), spec(10), spec(64), spec(100), spec(1000), spec(5000), spec(6000, per: 60 * second)], 0..<12)
    func `Late answers, in any order or lost, never exceed the rate`(spec: ThrottleSpec, seed: Int) {
        var random = LimitsRandom(seed: seed)
        let root = LimitsLateRoot(grace: 30 * millisecond, delay: 1...40 * millisecond, lossPercent: seed % 3 * 5, seed: seed)
        var limiters = (0..<3).map { _ in RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root) }
        var window = LimitsWindow()
        var now: Int64 = 0
        var quiet: Int64 = 0
        while now < 6 * second {
            now += random.time(0...2 * millisecond)
            root.run(until: now)
            if random.chance(1), random.chance(5) { quiet = now + random.time(0...500 * millisecond) }
            if now < quiet { continue }
            let index = Int.random(in: 0..<3, using: &random)
            let n = random.chance(2) ? 3 : 1
            if limiters[index].take(n, now: now) == .granted { window.add(min(n, spec.limit), at: now) }
            if random.chance(1), random.chance(10) { limiters[index] = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root) }
        }
        #expect(window.worst(period: spec.periodNanoseconds) <= spec.limit, "seed \(seed)")
        #expect(window.total > 0, "seed \(seed)")
    }

    @Test(arguments: [spec(100), spec(1000), spec(6000, per: 60 * second)])
    func `Asking ahead keeps a limit in use across a round trip`(spec: ThrottleSpec) {
        let root = LimitsLateRoot(grace: 30 * millisecond, delay: 1 * millisecond...10 * millisecond, seed: 1)
        var limiter = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root)
        var window = LimitsWindow()
        for step in Int64(0)..<24_000 {
            let now = step * millisecond / 4
            root.run(until: now)
            while limiter.take(1, now: now) == .granted { window.add(1, at: now) }
        }
        let used = window.count(from: second, to: 6 * second)
        let possible = Int(Int64(spec.limit) * 5 * second / spec.periodNanoseconds)
        #expect(used * 100 >= possible * 80, "\(used) of \(possible), \(root.asked) requests")
        #expect(window.worst(period: spec.periodNanoseconds) <= spec.limit)
        #expect(root.asked < used, "blocks, not single slots")
    }

    @Test func `While an answer is outstanding a take looks again soon, and asks once`() {
        let root = LimitsLateRoot(grace: 30 * millisecond, delay: 10 * millisecond...10 * millisecond, seed: 1)
        var rate = RateLimiter(key: LimitKey(name: "k"), spec: spec(100), root: root)
        var permits = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 2, root: root)
        #expect(rate.take(1, now: 0) == .wait(untilNanoseconds: 5 * millisecond))
        #expect(rate.take(1, now: millisecond) == .wait(untilNanoseconds: 6 * millisecond))
        #expect(permits.take(now: 0) == .wait(untilNanoseconds: 5 * millisecond))
        #expect(permits.take(now: millisecond) == .wait(untilNanoseconds: 6 * millisecond))
        #expect(root.asked == 2)
        root.run(until: 10 * millisecond)
        #expect(rate.take(1, now: 10 * millisecond) == .granted)
        #expect(permits.take(now: 10 * millisecond) == .granted)
    }

    @Test func `A request that is never answered is repeated`() {
        let root = LimitsLateRoot(grace: 0, delay: 0...0, lossPercent: 100, seed: 1)
        var rate = RateLimiter(key: LimitKey(name: "k"), spec: spec(100), root: root)
        for step in Int64(0)..<30 { _ = rate.take(1, now: step * 100 * millisecond) }
        #expect(root.asked == 3)
    }

    @Test func `Permits that arrive after the end go back`() {
        let root = LimitsLateRoot(grace: 0, delay: 10...10, seed: 1)
        var first = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 1, root: root)
        _ = first.take(now: 0)
        first.close()
        root.run(until: 10)
        var second = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 1, root: root)
        _ = second.take(now: 20)
        root.run(until: 30)
        #expect(second.take(now: 30) == .granted)
    }
}
