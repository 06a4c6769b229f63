import Message
import Options
import Platform
import Policy
import Resources
import Shaping

/// *Loop-confined*: the policy of one scheduled queue as it was last read: its configuration and its egress pool.
final class QueueSetup {
    let config: QueueConfig
    let schedule: RetrySchedule
    let poolName: String
    /// When the policy is asked again.
    let refreshAt: MonotonicInstant
    var sources: WeightedRoundRobin<EgressSource>
    var limiter: RateLimiter?
    /// How many messages go ahead of what the limiter says.
    var gate = RateGate()

    init(
        config: QueueConfig, poolName: String, sources: [(EgressSource, Int)], refreshAt: MonotonicInstant, limiter: RateLimiter?
    ) {
        self.config = config
        self.schedule = RetrySchedule(interval: config.retryInterval, cap: config.maxRetryInterval)
        self.poolName = poolName
        self.sources = WeightedRoundRobin(sources)
        self.refreshAt = refreshAt
        self.limiter = limiter
    }
}

/// *Value*: runs the configuration events that a queue needs: `get_queue_config`, `get_egress_pool`, `get_egress_source`.
///
/// *Diagnostics*: a failing handler is reported to the caller with file and line; the queue keeps its messages and asks again.
struct QueueSetupLoader {
    let engine: PolicyEngine?
    let limits: LimitRoots
    let clocks: Clocks

    typealias Completion = (Result<QueueSetup, PolicyFailure>) -> Void

    /// Loads the setup of `name`; `completion` runs on the shard's loop, maybe at once.
    func load(_ name: QueueName, queueText: String, completion: @escaping Completion) {
        let arguments: [PolicyValue] = [
            .string(name.domain), .optional(name.tenant), .optional(name.campaign), .optional(name.routingDomain),
        ]
        ask(.getQueueConfig, arguments, what: "get_queue_config") { table throws(ConfigError) in
            try QueueConfig(table)
        } completion: { result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(let config):
                loadPool(config ?? .defaults, queueText: queueText, completion: completion)
            }
        }
    }

    private func loadPool(_ config: QueueConfig, queueText: String, completion: @escaping Completion) {
        guard let pool = config.egressPool, pool != "unspecified" else {
            loadSources([("unspecified", 1)], config: config, pool: "unspecified", queueText: queueText, completion: completion)
            return
        }
        ask(.getEgressPool, [.string(pool)], what: "get_egress_pool") { table throws(ConfigError) in
            try EgressPoolConfig(table)
        } completion: { result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(nil):
                completion(.failure(PolicyFailure("egress pool '\(pool)' is not defined: get_egress_pool returned nothing for it")))
            case .success(let config2?):
                let entries = config2.entries.map { ($0.name, $0.weight) }
                loadSources(entries, config: config, pool: pool, queueText: queueText, completion: completion)
            }
        }
    }

    private func loadSources(
        _ names: [(String, Int)], config: QueueConfig, pool: String, queueText: String, completion: @escaping Completion
    ) {
        var found: [(EgressSource, Int)] = []
        func next(_ index: Int) {
            guard index < names.count else {
                // A policy that wants to be asked without end is asked once a second.
                let refreshAt = clocks.now + max(config.refreshInterval, .seconds(1))
                let limiter = config.maxMessageRate.map {
                    RateLimiter(
                        key: LimitKey(name: "schedq-\(queueText)-message-rate"), spec: $0, root: limits.root(for: $0))
                }
                let setup = QueueSetup(
                    config: config, poolName: pool, sources: found, refreshAt: refreshAt, limiter: limiter)
                completion(.success(setup))
                return
            }
            let (name, weight) = names[index]
            ask(.getEgressSource, [.string(name)], what: "get_egress_source") { table throws(ConfigError) in
                try EgressSourceConfig(table)
            } completion: { result in
                switch result {
                case .failure(let failure): completion(.failure(failure))
                case .success(let source):
                    if let source {
                        found.append((EgressSource(name: name, config: source), weight))
                    } else if name == "unspecified" {
                        found.append((EgressSource(name: name, config: .unspecified), weight))
                    } else {
                        completion(
                            .failure(PolicyFailure("egress source '\(name)' is not defined: get_egress_source returned nothing for it")))
                        return
                    }
                    next(index + 1)
                }
            }
        }
        next(0)
    }

    /// Calls one configuration event and validates the table it returns; `nil` when no handler answered.
    private func ask<Config>(
        _ event: PolicyEvent, _ arguments: [PolicyValue], what: String,
        parse: @escaping ([String: ConfigValue]) throws(ConfigError) -> Config,
        completion: @escaping (Result<Config?, PolicyFailure>) -> Void
    ) {
        engine.ask(event, arguments, what: what, parse: parse, completion: completion)
    }
}
