package struct LimitKey: Sendable, Hashable { package let name: String; package init(name: String) { self.name = name } }
package struct RateLease: Sendable {}
package struct PermitLease: Sendable {}
package protocol LimitRoot: Sendable {}
package final class InProcessLimitRoot: LimitRoot { package init() {} }
package enum LimitDecision: Equatable { case granted, wait(untilNanoseconds: Int64) }
package struct RateLimiter: Sendable { package init(key: LimitKey, spec: ThrottleSpec, root: any LimitRoot) {}; package mutating func take(_ n: Int, now: Int64) -> LimitDecision { .granted } }
package struct ConcurrencyLimiter: Sendable { package init(key: LimitKey, limit: Int, root: any LimitRoot) {}; package mutating func take(now: Int64) -> LimitDecision { .granted }; package mutating func give(now: Int64) {}; package mutating func close() {} }
