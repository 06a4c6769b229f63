import Shaping

/// *Loop-confined*: the limits of one egress path: its message rates, its connection rate, its connection permits.
///
/// Each is leased from the limit root (architecture, section 4); the path uses what it holds without asking.
final class PathLimits {
    /// *Value*: the answer, with the limit that blocks.
    enum Answer {
        case granted
        case wait(until: Int64, limit: String)
    }

    private var messageRates: [(key: String, label: String, limiter: RateLimiter)] = []
    private var connectionRate: (label: String, limiter: RateLimiter)?
    private var permits: [(key: String, label: String, limiter: ConcurrencyLimiter)] = []

    /// - Parameter replacing: the limits of the former configuration; what has the same name keeps what it holds.
    init(path: String, config: EgressPathConfig, root: any LimitRoot, replacing old: PathLimits?) {
        var rates: [(String, String, ThrottleSpec)] = []
        if let spec = config.maxMessageRate { rates.append(("max_message_rate", "kumomta.max_message_rate.\(path)", spec)) }
        for (name, spec) in config.additionalMessageRateThrottles.sorted(by: { $0.key < $1.key }) {
            rates.append(("additional_message_rate_throttles.\(name)", name, spec))
        }
        messageRates = rates.map { option, key, spec in
            let label = "\(option) \(spec.text)"
            if let kept = old?.messageRates.first(where: { $0.label == label }) { return kept }
            return (key, label, RateLimiter(key: LimitKey(name: key), spec: spec, root: root))
        }
        if let spec = config.maxConnectionRate {
            let label = "max_connection_rate \(spec.text)"
            if let kept = old?.connectionRate, kept.label == label {
                connectionRate = kept
            } else {
                connectionRate = (label, RateLimiter(key: LimitKey(name: "\(path)-connection-rate"), spec: spec, root: root))
            }
        }
        permits = config.additionalConnectionLimits.sorted(by: { $0.key < $1.key }).map { name, limit in
            let label = "additional_connection_limits.\(name) \(limit)"
            // A changed limit keeps its limiter: the connections that are open still count against it.
            if var kept = old?.permits.first(where: { $0.key == name }) {
                kept.limiter.setLimit(limit)
                return (name, label, kept.limiter)
            }
            return (name, label, ConcurrencyLimiter(key: LimitKey(name: name), limit: limit, root: root))
        }
    }

    /// One message (a transaction) may be sent; a slot of every limit is taken, or of none.
    func takeMessage(now: Int64) -> Answer {
        for index in messageRates.indices {
            guard case .wait(let until) = messageRates[index].limiter.take(1, now: now) else { continue }
            for held in 0..<index { messageRates[held].limiter.give(1, now: now) }
            return .wait(until: until, limit: messageRates[index].label)
        }
        return .granted
    }

    /// One connection may be opened; `giveConnection` follows when it is closed.
    func takeConnection(now: Int64) -> Answer {
        if case .wait(let until)? = connectionRate?.limiter.take(1, now: now) {
            return .wait(until: until, limit: connectionRate?.label ?? "")
        }
        for index in permits.indices {
            guard case .wait(let until) = permits[index].limiter.take(now: now) else { continue }
            for held in 0..<index { permits[held].limiter.give(now: now) }
            connectionRate?.limiter.give(1, now: now)
            return .wait(until: until, limit: permits[index].label)
        }
        return .granted
    }

    /// A connection was closed.
    func giveConnection() {
        let now = Clock.monotonic()
        for index in permits.indices { permits[index].limiter.give(now: now) }
    }

    /// Gives everything back.
    func close() { for index in permits.indices { permits[index].limiter.close() } }
}
