import Testing

@testable import Shaping

struct LimitsRateTests {
    static let specs: [ThrottleSpec] = [
        spec(1), spec(2, burst: 1), spec(5), spec(10, burst: 3), spec(20, per: 30 * 60 * second), spec(64),
        spec(64, burst: 1), spec(65), spec(66, burst: 1),
        spec(100), spec(100, burst: 2), spec(250), spec(1000), spec(1000, per: 60 * second), spec(5000), spec(10_000, per: 3600 * second),
        spec(100, per: 1000), spec(3, per: 1), spec(65, per: 70),
    ]

    /// Hundreds of steps of several callers: bursts, idle gaps, late and skewed callers, quantities, gifts back, copies, new limiters.
    static func history(seed: Int, spec: ThrottleSpec) -> LimitsWindow {
        var random = LimitsRandom(seed: seed)
        let root = InProcessLimitRoot()
        let key = LimitKey(name: "history")
        func limiter() -> RateLimiter { RateLimiter(key: key, spec: spec, root: root) }
        var limiters = (0..<Int.random(in: 1...5, using: &random)).map { _ in limiter() }
        var window = LimitsWindow()
        let spacing = max(1, spec.periodNanoseconds / Int64(spec.limit))
        let pace = random.pick([spacing / 10, spacing / 2, spacing, spacing * 3])
        let quantities = random.chance(30)
        var now = random.time(0...second)
        var until = now
        for _ in 0..<500 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: now += random.time(0...spec.periodNanoseconds * 2)  // idle
            case 1...4: break  // at once
            case 5...9: now = max(now, until + random.time(0...pace + 1))  // as told, and late
            default: now += random.time(0...pace + 1)
            }
            let index = Int.random(in: 0..<limiters.count, using: &random)
            // Threads read their clocks before they reach the lock, in another order.
            let mine = max(0, now - (random.chance(20) ? random.time(0...min(spacing, 5 * second)) : 0))
            let n = quantities && random.chance(30) ? Int.random(in: 1...spec.limit + 1, using: &random) : 1
            switch limiters[index].take(n, now: mine) {
            case .granted:
                window.add(min(n, spec.limit), at: mine)
                if random.chance(5) {
                    limiters[index].give(n, now: mine)
                    window.removeLast()
                } else if random.chance(2) {
                    limiters[index] = limiter()
                }
            case .wait(let time):
                #expect(time > mine, "a wait must lie ahead, seed \(seed)")
                until = time
            }
        }
        return window
    }

    @Test(arguments: specs)
    func `No window holds more than the limit`(spec: ThrottleSpec) {
        for seed in 0..<80 {
            let window = Self.history(seed: seed, spec: spec)
            let worst = window.worst(period: spec.periodNanoseconds)
            #expect(worst <= spec.limit, "seed \(seed), \(spec.text), burst \(spec.maxBurst)")
            #expect(worst > 0, "seed \(seed)")
        }
    }

    /// Callers who always want more, each woken up to 2 ms after it was told; the whole windows from the second on.
    static func saturated(_ spec: ThrottleSpec, limiters count: Int, windows: Int, late: Int64 = 2 * millisecond) -> LimitsWindow {
        var random = LimitsRandom(seed: count)
        let root = InProcessLimitRoot()
        var limiters = (0..<count).map { _ in RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root) }
        var due = [Int64](repeating: 0, count: count)
        var window = LimitsWindow()
        let end = spec.periodNanoseconds * Int64(windows)
        while let index = due.indices.min(by: { due[$0] < due[$1] }), due[index] < end {
            switch limiters[index].take(1, now: due[index]) {
            case .granted: window.add(1, at: due[index])
            case .wait(let until): due[index] = until + random.time(0...late)
            }
        }
        return window
    }

    @Test(
        arguments: [
            (spec(100), 90), (spec(100, burst: 4), 90), (spec(1000), 90), (spec(5000), 90), (spec(1000, per: 60 * second), 95),
            (spec(65, per: 60 * second), 95), (spec(6000, per: 60 * second), 95), (spec(10_000, per: 3600 * second), 95),
            (spec(20, per: 60 * second), 95), (spec(60, per: 60 * second), 95),
        ], [1, 2, 8])
    func `Nearly all of a limit can be used`(rate: (spec: ThrottleSpec, percent: Int), limiters: Int) {
        let spec = rate.spec
        let windows = 5
        let window = Self.saturated(spec, limiters: limiters, windows: windows)
        #expect(window.worst(period: spec.periodNanoseconds) <= spec.limit)
        let used = window.count(from: spec.periodNanoseconds, to: Int64(windows) * spec.periodNanoseconds)
        #expect(used * 100 >= spec.limit * (windows - 1) * rate.percent, "\(used) of \(spec.limit * (windows - 1))")
    }

    @Test func `Many callers who come seldom do not waste a limit`() {
        var random = LimitsRandom(seed: 7)
        let root = InProcessLimitRoot()
        let spec = spec(1000)
        var limiters = (0..<500).map { _ in RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root) }
        var due = limiters.indices.map { _ in random.time(0...second) }
        var window = LimitsWindow()
        while let index = due.indices.min(by: { due[$0] < due[$1] }), due[index] < 6 * second {
            switch limiters[index].take(1, now: due[index]) {
            case .granted:
                window.add(1, at: due[index])
                due[index] += random.time(0...600 * millisecond)  // about 1,600 a second are wanted
            case .wait(let until): due[index] = until + random.time(0...millisecond)
            }
        }
        #expect(window.worst(period: second) <= 1000)
        #expect(window.count(from: second, to: 6 * second) >= 5 * 900)
    }

    @Test(arguments: [spec(2), spec(5), spec(10, burst: 2), spec(64), spec(65), spec(100, burst: 1), spec(1000)], [2, 7, 60, 99, 5000])
    func `A quantity is granted in the end, also beside callers of one`(spec: ThrottleSpec, n: Int) {
        let root = InProcessLimitRoot()
        var big = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root)
        var small = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root)
        var window = LimitsWindow()
        var smallDue: Int64 = 0
        var bigDue: Int64 = 0
        var batches = 0
        while batches < 3, min(bigDue, smallDue) < 60 * second {
            if smallDue <= bigDue {
                switch small.take(1, now: smallDue) {
                case .granted: window.add(1, at: smallDue)
                case .wait(let until): smallDue = until
                }
            } else {
                switch big.take(n, now: bigDue) {
                case .granted:
                    window.add(min(n, spec.limit), at: bigDue)
                    batches += 1
                case .wait(let until): bigDue = until + millisecond / 10
                }
            }
        }
        #expect(batches == 3)
        #expect(window.worst(period: spec.periodNanoseconds) <= spec.limit)
    }

    @Test func `Small limits give the whole burst, max_burst paces them`() {
        var whole = RateLimiter(key: LimitKey(name: "a"), spec: spec(10), root: InProcessLimitRoot())
        for _ in 0..<10 { #expect(whole.take(1, now: 5) == .granted) }
        #expect(whole.take(1, now: 5) == .wait(untilNanoseconds: 5 + second + 1))
        #expect(whole.take(1, now: 5 + second) == .wait(untilNanoseconds: 5 + second + 1))
        #expect(whole.take(1, now: 6 + second) == .granted)

        var paced = RateLimiter(key: LimitKey(name: "b"), spec: spec(10, burst: 1), root: InProcessLimitRoot())
        #expect(paced.take(1, now: 0) == .granted)
        #expect(paced.take(1, now: 0) == .wait(untilNanoseconds: second / 10))
        #expect(paced.take(1, now: second / 10) == .granted)
    }

    @Test(arguments: [spec(10), spec(10, burst: 1), spec(1000)])
    func `What is given back can be taken by another`(spec: ThrottleSpec) {
        let root = InProcessLimitRoot()
        var a = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root)
        var taken = 0
        while a.take(1, now: 0) == .granted { taken += 1 }
        #expect(taken == (spec.limit > 64 ? spec.limit / 25 : spec.maxBurst))
        // The last one was the last granted: back to the root, and out of it again.
        var b = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root)
        #expect(b.take(1, now: 0) != .granted)
        a.close()
        b.close()

        var c = RateLimiter(key: LimitKey(name: "fresh"), spec: spec, root: root)
        var d = RateLimiter(key: LimitKey(name: "fresh"), spec: spec, root: root)
        for _ in 0..<spec.maxBurst * 2 {
            #expect(c.take(1, now: 0) == .granted)
            c.give(1, now: 0)
        }
        c.close()
        #expect(d.take(1, now: 0) == .granted)
        #expect(c.take(1, now: 0) != .granted)
    }

    @Test func `A copy spends nothing twice`() {
        var a = RateLimiter(key: LimitKey(name: "k"), spec: spec(1000), root: InProcessLimitRoot())
        _ = a.take(1, now: 0)
        var b = a
        var taken = 1
        while a.take(1, now: 0) == .granted { taken += 1 }
        while b.take(1, now: 0) == .granted { taken += 1 }
        #expect(taken == 40)
    }

    @Test(arguments: [
        ThrottleSpec(limit: .max, periodNanoseconds: .max, maxBurst: .max, isLocal: false),
        ThrottleSpec(limit: .max, periodNanoseconds: 1, maxBurst: 1, isLocal: true),
        ThrottleSpec(limit: 1, periodNanoseconds: .max, maxBurst: .max, isLocal: false),
        ThrottleSpec(limit: 65, periodNanoseconds: .max, maxBurst: .max, isLocal: false),
    ])
    func `Rates beyond all sense do not trap`(spec: ThrottleSpec) {
        let root = InProcessLimitRoot()
        var limiter = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root)
        for now in [Int64(0), 1, second, 1_000_000 * second] {
            _ = limiter.take(1, now: now)
            _ = limiter.take(.max, now: now)
            _ = limiter.take(.min, now: now)
        }
        #expect(limiter.take(1, now: 400_000_000 * second) == .granted)
    }
}
