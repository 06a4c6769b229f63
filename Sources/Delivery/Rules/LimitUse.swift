package import Client
import Options
import Platform
import Shaping

/// *Value*: one path's or queue's part in a limit.
package struct LimitUse: Sendable {
    /// The key of the limit.
    package var limit: String
    /// `rate` or `connections`.
    package var kind: String
    /// The limit as configured.
    package var value: String
    /// Connections held now; `nil` for rates.
    package var held: Int?
    /// Messages or connections that would go at once.
    package var wants: Int
    var isWaiting: Bool
}

/// *Value*: uses of limits added up by the limit's name.
package struct LimitSum {
    private let node: String
    private var byName: [String: LimitStatus] = [:]

    /// Nothing added up yet, for the node of that name.
    package init(node: String) { self.node = node }

    /// Adds the parts of a path or a queue.
    package mutating func add(_ uses: [LimitUse]) {
        for use in uses {
            var status =
                byName["\(use.kind) \(use.limit)"]
                ?? LimitStatus(
                    limit: use.limit, kind: use.kind, value: use.value, used: nil, held: 0, wants: 0, waiting: 0, mode: "local", share: 1,
                    nodes: [])
            if let held = use.held {
                status.used = (status.used ?? 0) + held
                status.held += held
            }
            status.wants += use.wants
            if use.isWaiting { status.waiting += 1 }
            status.nodes = [LimitStatus.Holder(node: node, has: status.held, wants: status.wants, waitsSeconds: 0)]
            byName["\(use.kind) \(use.limit)"] = status
        }
    }

    /// By name.
    package var statuses: [LimitStatus] { byName.values.sorted { ($0.limit, $0.kind) < ($1.limit, $1.kind) } }
}

extension EgressLane {
    /// The limits of this path; on its loop.
    package func limitUses() -> [LimitUse] {
        guard let config = config?.table else { return [] }
        let wants = ready.count
        let blocking = wants > 0 && suspension == nil ? block.limit : nil
        func rate(_ limit: String, _ value: String, label: String) -> LimitUse {
            LimitUse(limit: limit, kind: "rate", value: value, wants: wants, isWaiting: blocking == "\(label) \(value)")
        }
        var uses = [
            LimitUse(
                limit: "kumomta.connection_limit.\(name)", kind: "connections", value: "\(config.connectionLimit.count)",
                held: connections.count,
                wants: wants, isWaiting: blocking == "connection_limit \(config.connectionLimit.count)")
        ]
        if let spec = config.maxMessageRate {
            uses.append(rate("kumomta.max_message_rate.\(name)", spec.text, label: "max_message_rate"))
        }
        if let spec = config.maxConnectionRate { uses.append(rate("\(name)-connection-rate", spec.text, label: "max_connection_rate")) }
        for (key, spec) in config.additionalMessageRateThrottles {
            uses.append(rate(key, spec.text, label: "additional_message_rate_throttles.\(key)"))
        }
        for (key, limit) in config.additionalConnectionLimits {
            uses.append(
                LimitUse(
                    limit: key, kind: "connections", value: "\(limit.count)", held: connections.count, wants: wants,
                    isWaiting: blocking == "additional_connection_limits.\(key) \(limit.count)"))
        }
        return uses
    }
}

extension ScheduledQueue {
    /// The rate of this queue, if it has one; on its loop.
    package func limitUse() -> LimitUse? {
        guard let rate = setup?.config.maxMessageRate else { return nil }
        let due = heap.dueCount(at: services.clocks.now)
        var isWaiting = false
        if case .messageRate = block { isWaiting = due > 0 }
        return LimitUse(limit: "schedq-\(name)-message-rate", kind: "rate", value: rate.text, wants: due, isWaiting: isWaiting)
    }
}
