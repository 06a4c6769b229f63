package import Platform
import Resources

/// *Value*: why the messages of a queue are not moving; the answer an operator gets.
package enum QueueBlock: Sendable, Equatable {
    case none
    case suspended(String)
    case pathSuspended(path: String, rule: String)
    case policy(String)
    case resolving(domain: String)
    case route(String, until: MonotonicInstant?)
    case readyQueueFull(path: String)
    case messageRate(limit: String, until: MonotonicInstant)
    case noSource(pool: String)
    case memory

    /// One line for people; `nil` when nothing blocks.
    package func text(path detail: String?, _ clocks: Clocks = .machine) -> String? {
        switch self {
        case .none: nil
        case .suspended(let rule): "suspended: \(rule)"
        case .pathSuspended(let path, let rule): "egress path \(path) is suspended: \(rule)"
        case .policy(let text): "policy: \(text)"
        case .resolving(let domain): "resolving \(domain)"
        case .route(let text, let until):
            "no route: \(text)" + (until.map { "; what is due waits until the DNS may have another answer, \(clocks.moment($0))" } ?? "")
        case .readyQueueFull(let path): "ready queue \(path) is full" + (detail.map { ": \($0)" } ?? "")
        case .messageRate(let limit, let until): "max_message_rate \(limit) of this queue; the next may go \(clocks.moment(until))"
        case .memory: "the memory for message contents is used up"
        case .noSource(let pool): "egress pool \(pool) has no source with a weight above 0"
        }
    }
}
