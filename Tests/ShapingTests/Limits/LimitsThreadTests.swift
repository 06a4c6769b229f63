import Synchronization
import Testing

@testable import Shaping

/// What the threads share besides the root. *Shared.*
private final class Common: Sendable {
    let clock = Atomic(Int64(0))
    let open = Atomic(0)
}

struct LimitsThreadTests {
    @Test(arguments: [spec(10, per: 1000), spec(100, per: 1000), spec(1000, per: 10_000)])
    func `Limiters on several threads share one rate`(spec: ThrottleSpec) async {
        let root = InProcessLimitRoot()
        let common = Common()
        var window = LimitsWindow()
        await withTaskGroup(of: [Int64].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var limiter = RateLimiter(key: LimitKey(name: "k"), spec: spec, root: root)
                    var takes: [Int64] = []
                    for _ in 0..<20_000 {
                        let now = common.clock.add(3, ordering: .sequentiallyConsistent).newValue
                        if limiter.take(1, now: now) == .granted { takes.append(now) }
                    }
                    return takes
                }
            }
            for await takes in group { for take in takes { window.add(1, at: take) } }
        }
        #expect(window.worst(period: spec.periodNanoseconds) <= spec.limit)
        #expect(window.total > spec.limit)
    }

    @Test func `Limiters on several threads share one cap`() async {
        let root = InProcessLimitRoot()
        let common = Common()
        let most = await withTaskGroup(of: Int.self) { group in
            for task in 0..<4 {
                group.addTask {
                    var random = LimitsRandom(seed: task)
                    var limiter = ConcurrencyLimiter(key: LimitKey(name: "k"), limit: 20, root: root)
                    var mine = 0
                    var most = 0
                    for step in Int64(0)..<20_000 {
                        let now = step * second
                        if random.chance(52), limiter.take(now: now) == .granted {
                            mine += 1
                            most = max(most, common.open.add(1, ordering: .sequentiallyConsistent).newValue)
                        } else if mine > 0 {
                            mine -= 1
                            common.open.subtract(1, ordering: .sequentiallyConsistent)
                            limiter.give(now: now)
                        }
                    }
                    common.open.subtract(mine, ordering: .sequentiallyConsistent)
                    limiter.close()
                    return most
                }
            }
            return await group.reduce(0, max)
        }
        #expect(most <= 20 && most > 0)
        #expect(root.keyCounts.permits == 0)
    }
}
