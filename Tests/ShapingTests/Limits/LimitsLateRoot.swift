import Synchronization

@testable import Shaping

/// A root double across a network: it decides when asked, and answers later, in any order, or never. *Shared.*
final class LimitsLateRoot: LimitRoot {
    private struct Wire {
        var random: LimitsRandom
        var answers: [(at: Int64, deliver: @Sendable () -> Void)] = []
        var asked = 0
    }

    private let store: InProcessLimitRoot
    private let delay: ClosedRange<Int64>
    private let lossPercent: Int
    private let wire: Mutex<Wire>

    init(grace: Int64, delay: ClosedRange<Int64>, lossPercent: Int = 0, seed: Int) {
        store = InProcessLimitRoot(grace: grace)
        self.delay = delay
        self.lossPercent = lossPercent
        wire = Mutex(Wire(random: LimitsRandom(seed: seed)))
    }

    var asked: Int { wire.withLock { $0.asked } }

    private func later(_ now: Int64, _ deliver: @escaping @Sendable () -> Void) {
        wire.withLock {
            $0.asked += 1
            if !$0.random.chance(lossPercent) { $0.answers.append((now + $0.random.time(delay), deliver)) }
        }
    }

    /// Delivers what has arrived by `now`.
    func run(until now: Int64) {
        let arrived = wire.withLock { wire in
            let arrived = wire.answers.filter { $0.at <= now }.sorted { $0.at < $1.at }
            wire.answers.removeAll { $0.at <= now }
            return arrived
        }
        for answer in arrived { answer.deliver() }
    }

    func leaseRate(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64, reply: @escaping @Sendable (RateLease) -> Void) {
        store.leaseRate(key, spec: spec, want: want, now: now) { lease in self.later(now) { reply(lease) } }
    }

    func leasePermits(_ key: LimitKey, limit: Int, want: Int, now: Int64, reply: @escaping @Sendable (PermitLease) -> Void) {
        store.leasePermits(key, limit: limit, want: want, now: now) { lease in self.later(now) { reply(lease) } }
    }

    func returnPermits(_ key: LimitKey, count: Int) { store.returnPermits(key, count: count) }

    func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots) { store.returnRate(key, spec: spec, slots: slots) }
}
