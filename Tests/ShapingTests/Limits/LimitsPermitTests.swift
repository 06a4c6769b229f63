import Testing

@testable import Shaping

struct LimitsPermitTests {
    @Test(arguments: 0..<200)
    func `Never more open than the limit`(seed: Int) {
        var random = LimitsRandom(seed: seed)
        let root = InProcessLimitRoot()
        let limit = random.pick([1, 2, 3, 10, 50])
        func fresh() -> ConcurrencyLimiter { ConcurrencyLimiter(key: LimitKey(name: "k"), limit: limit, root: root) }
        var limiters = (0..<5).map { _ in fresh() }
        var open = [Int](repeating: 0, count: 5)
        var now: Int64 = 0
        var most = 0
        for _ in 0..<2000 {
            now += random.time(0...10 * millisecond)
            let index = Int.random(in: 0..<5, using: &random)
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<55:
                switch limiters[index].take(now: now) {
                case .granted: open[index] += 1
                case .wait(let until): #expect(until > now && until <= now + second)
                }
            case 55..<98:
                if open[index] > 0 {
                    limiters[index].give(now: now)
                    open[index] -= 1
                }
            default:
                limiters[index].close()
                limiters[index].give(now: now)  // late: ignored
                limiters[index] = fresh()
                open[index] = 0
            }
            most = max(most, open.reduce(0, +))
            #expect(open.reduce(0, +) <= limit, "seed \(seed)")
        }
        #expect(most * 10 >= limit * 7, "seed \(seed): at most \(most) of \(limit) were open")
        for index in 0..<5 { limiters[index].close() }
        var all = fresh()
        var count = 0
        for step in Int64(0)..<200 {
            if all.take(now: now + step * second) == .granted { count += 1 }
        }
        #expect(count == limit, "everything came back, seed \(seed)")
    }

    @Test func `A holder's spare goes to whoever needs it`() {
        let root = InProcessLimitRoot()
        var a = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 40, root: root)
        var b = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 40, root: root)
        for _ in 0..<21 { #expect(a.take(now: 0) == .granted) }
        // A keeps up to 5 spare; B nevertheless gets all that are not in use.
        for _ in 0..<19 { #expect(b.take(now: 0) == .granted) }
        #expect(b.take(now: 0) == .wait(untilNanoseconds: 20 * millisecond))
        a.give(now: 0)
        #expect(b.take(now: 19 * millisecond) == .wait(untilNanoseconds: 20 * millisecond))
        #expect(b.take(now: 20 * millisecond) == .granted)
        a.close()
        #expect(root.keyCounts.permits == 1)
        b.close()
        #expect(root.keyCounts.permits == 0)
    }

    @Test func `Waits grow to a fifth of a second`() {
        let root = InProcessLimitRoot()
        var a = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 1, root: root)
        var b = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 1, root: root)
        #expect(a.take(now: 0) == .granted)
        var now: Int64 = 0
        var waits: [Int64] = []
        for _ in 0..<6 {
            guard case .wait(let until) = b.take(now: now) else { break }
            waits.append((until - now) / millisecond)
            now = until
        }
        #expect(waits == [20, 40, 80, 160, 200, 200])
    }

    @Test func `A dropped limiter returns what it held`() {
        let root = InProcessLimitRoot()
        do {
            var a = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 8, root: root)
            for _ in 0..<8 { #expect(a.take(now: 0) == .granted) }
        }
        #expect(root.keyCounts.permits == 0)
    }

    @Test func `A lowered limit counts what is in use`() {
        let root = InProcessLimitRoot()
        var a = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 10, root: root)
        var b = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 10, root: root)
        for _ in 0..<6 { #expect(a.take(now: 0) == .granted) }
        for _ in 0..<4 { #expect(b.take(now: 0) == .granted) }
        a.setLimit(7)
        b.setLimit(7)
        a.give(now: 0)
        #expect(a.take(now: 0) != .granted)
        for _ in 0..<3 { a.give(now: second) }
        #expect(a.take(now: 2 * second) == .granted)
        #expect(b.take(now: 2 * second) != .granted)
        a.setLimit(0)
        a.give(now: 2 * second)
        #expect(a.take(now: 4 * second) != .granted)
    }
}
