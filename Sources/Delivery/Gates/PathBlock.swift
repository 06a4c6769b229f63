package import Platform
import Resources

/// *Value*: why an egress path sends nothing.
package enum PathBlock: Sendable, Equatable {
    case none
    case policy(String)
    case messageRate(String, until: MonotonicInstant)
    case connectionRate(String, until: MonotonicInstant)
    case connectionLimit(Int)
    case leaseEnded(String)
    case shortage(String, remedy: String)
    /// All connections that the budget allows are in use; whether this path has none of them.
    case descriptors(Int, hasNone: Bool)

    /// The option and the value of the limit that blocks, as `PathLimits` labels it; `nil` when no limit does.
    package var limit: String? {
        switch self {
        case .messageRate(let label, _), .connectionRate(let label, _), .leaseEnded(let label): label
        case .connectionLimit(let limit): "connection_limit \(limit)"
        case .none, .policy, .shortage, .descriptors: nil
        }
    }

    /// One line for people; `nil` when nothing blocks.
    package func text(_ clocks: Clocks = .machine) -> String? {
        switch self {
        case .none: nil
        case .policy(let text): "policy: \(text)"
        case .messageRate(let limit, let until): "\(limit); the next may go \(clocks.moment(until))"
        case .connectionRate(let limit, let until): "\(limit); the next connection may be opened \(clocks.moment(until))"
        case .connectionLimit(let limit): "connection_limit \(limit); the next message goes when one of the connections is free"
        case .shortage(let text, let remedy): "no connection can be opened: \(text); it is tried again each second; \(remedy)"
        case .descriptors(let limit, _):
            "all \(limit) connections to other servers that the limit of open files leaves room for are in use; raise it (LimitNOFILE, ulimit -n)"
        case .leaseEnded(let limit): "\(limit): the lease from Redis has ended; it is asked for again when Redis answers"
        }
    }

    /// Whether nothing moves: a limit that lets the next message through in a moment, and connections that are busy, are the normal course.
    package func isStanding(at now: MonotonicInstant) -> Bool {
        switch self {
        case .none, .connectionLimit: false
        case .policy, .leaseEnded, .shortage: true
        case .descriptors(_, let hasNone): hasNone
        case .messageRate(_, let until), .connectionRate(_, let until): until > now + .seconds(2)
        }
    }
}
