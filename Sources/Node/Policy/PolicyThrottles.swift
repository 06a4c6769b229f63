import Delivery
import Policy
import Resources
import Shaping

/// *Loop-confined*: the rates a policy made with `kumo.make_throttle`; they count under their names with everything else that has that name.
final class PolicyThrottles {
    private var limiters: [Key: (limiter: RateLimiter, usedAt: Int64)] = [:]

    private struct Key: Hashable {
        var name: String
        var spec: ThrottleSpec
    }

    /// How many are kept; those not used for longest go first.
    private static let capacity = 10_000

    /// Takes `quantity` of a rate, together or not at all.
    func take(_ name: String, _ spec: ThrottleSpec, quantity: Int, roots: LimitRoots) -> PolicyThrottleResult {
        let now = Clock.monotonic()
        let key = Key(name: name, spec: spec)
        var limiter = limiters[key]?.limiter ?? RateLimiter(key: LimitKey(name: name), spec: spec, root: roots.root(for: spec))
        let decision = limiter.take(max(1, quantity), now: now)
        limiters[key] = (limiter, now)
        if limiters.count > Self.capacity, let oldest = limiters.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            limiters[oldest.key] = nil
        }
        let period = Duration.nanoseconds(spec.periodNanoseconds)
        switch decision {
        case .granted:
            // What others take is not known here: what is left of the burst is the most that can be said.
            return PolicyThrottleResult(isThrottled: false, limit: spec.limit, remaining: max(0, spec.limit - quantity), resetAfter: period)
        case .wait(let until):
            var result = PolicyThrottleResult(
                isThrottled: true, limit: spec.limit, remaining: 0, resetAfter: period, retryAfter: .nanoseconds(max(0, until - now)))
            result.isUndecided = roots.root(for: spec).isUndecided(LimitKey(name: name))
            return result
        }
    }
}
