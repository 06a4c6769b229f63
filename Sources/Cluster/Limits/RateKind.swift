import Shaping

/// How a rate is leased. *Value.* The same for all nodes that have the same rate.
enum RateKind: Int, Sendable {
    /// Up to 64 per period: an exact log of the last ones, asked one by one.
    case log = 1
    /// Slow: single slots on one line.
    case slots = 2
    /// Everything else: bandwidth by demand.
    case stream = 3

    /// The kind of `spec`.
    init(_ spec: ThrottleSpec) {
        if spec.limit <= 64 {
            self = .log
        } else if Double(spec.limit) * 1e9 / Double(max(1, spec.periodNanoseconds)) < 5 {
            self = .slots
        } else {
            self = .stream
        }
    }
}
