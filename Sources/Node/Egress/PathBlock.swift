/// *Value*: why an egress path sends nothing.
package enum PathBlock: Sendable, Equatable {
    case none
    case policy(String)
    case messageRate(String)
    case connectionRate(String)
    case connectionLimit(Int)
    case leaseEnded(String)

    /// One line for people; `nil` when nothing blocks.
    package var text: String? {
        switch self {
        case .none: nil
        case .policy(let text): "policy: \(text)"
        case .messageRate(let limit): limit
        case .connectionRate(let limit): limit
        case .connectionLimit(let limit): "connection_limit \(limit)"
        case .leaseEnded(let limit): "\(limit): the lease from Redis has ended; it is asked for again when Redis answers"
        }
    }
}
