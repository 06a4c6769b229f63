internal import Redis
package import Shaping

/// Who holds what of one limit, as the store has it. *Value.*
package struct LimitHolders: Sendable, Equatable {
    /// One node's part.
    package struct Part: Sendable, Equatable {
        /// The name of the node.
        package var node: String
        /// Slots per second, permits, or slots of the running period for logged limits.
        package var has: Double
        /// What it asked for; `nil` for as much as there is.
        package var wants: Double?
        /// Since when it has been waiting, in seconds before the newest entry; 0 when it does not wait.
        package var waitsSeconds: Double
    }

    /// The limit.
    package var limit: LimitKey
    /// Whether it limits connections rather than a rate.
    package var isConnections: Bool
    /// What each node has of it.
    package var parts: [Part]
    /// Logged limits: how many of the running period are used.
    package var logged: Int?

    /// The key of a limit in the store.
    static func key(_ limit: LimitSnapshot, prefix: String) -> String {
        BucketKey.name(prefix: prefix, bucket: limit.bucket, (limit.isConnections ? "conn:" : "rate:") + limit.key.name)
    }

    /// Reads the fields that `BucketScript` keeps; what is not its own is left out.
    init?(_ limit: LimitSnapshot, _ value: RedisValue) {
        guard case .array(let fields) = value, fields.count % 2 == 0 else { return nil }
        self.limit = limit.key
        isConnections = limit.isConnections
        parts = []
        var seen: [(index: Int, wait: Double, seen: Double)] = []
        var newest = 0.0
        var entries: [String: Int] = [:]
        var users: [(node: String, id: String)] = []
        for index in stride(from: 0, to: fields.count, by: 2) {
            guard let name = fields[index].text, let text = fields[index + 1].text else { continue }
            if name == "log" {
                for word in text.split(separator: " ") { entries[word.split(separator: ":").last.map(String.init) ?? "", default: 0] += 1 }
                logged = entries.values.reduce(0, +)
            }
            if name.hasPrefix("m:"), users.count < 10_000, let id = text.split(separator: " ").first {
                users.append((String(name.dropFirst(2)), String(id)))
            }
            guard name.hasPrefix("n:"), parts.count < 10_000 else { continue }
            let numbers = text.split(separator: " ").map { Double($0) ?? 0 }
            guard numbers.count == 7 else { continue }
            newest = max(newest, numbers[isConnections ? 5 : 6])
            if isConnections {
                parts.append(Part(node: String(name.dropFirst(2)), has: numbers[0], wants: numbers[4], waitsSeconds: 0))
                if numbers[3] > 0 { seen.append((parts.count - 1, numbers[3], numbers[5])) }
            } else {
                let isUnbounded = numbers[4] >= 1e15
                parts.append(
                    Part(
                        node: String(name.dropFirst(2)), has: max(numbers[0], numbers[2]) / 86_400_000,
                        wants: isUnbounded ? nil : numbers[4] / 86_400_000, waitsSeconds: 0))
            }
        }
        for user in users where !isConnections {
            // What it wants beyond that is not kept.
            let has = Double(entries[user.id] ?? 0)
            parts.append(Part(node: user.node, has: has, wants: has, waitsSeconds: 0))
        }
        for wait in seen { parts[wait.index].waitsSeconds = max(0, newest - wait.wait) / 1e6 }
        parts.sort { $0.node < $1.node }
    }
}
