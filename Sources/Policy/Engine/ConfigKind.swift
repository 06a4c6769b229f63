import Options
import Shaping

/// *value*: the tables that `kumo.make_*` builds; the raw value is the name a Lua error shows.
enum ConfigKind: String, CaseIterable {
    case queueConfig = "QueueConfig"
    case egressPath = "EgressPath"
    case egressSource = "EgressSource"
    case egressPool = "EgressPool"

    /// Checks the table with the same struct that the node uses.
    func validate(_ table: [String: ConfigValue]) throws(ConfigError) {
        switch self {
        case .queueConfig:
            var rest = table
            // The name of the isolation group is the engine owner's business, not an option of the queue.
            if let name = rest.removeValue(forKey: "queue_name") {
                guard case .string(let text) = name, !text.isEmpty else {
                    throw ConfigError(message: "queue_name must be a non-empty string")
                }
            }
            _ = try QueueConfig(rest)
        case .egressPath: _ = try EgressPathConfig(table)
        case .egressSource: _ = try EgressSourceConfig(table)
        case .egressPool: _ = try EgressPoolConfig(table)
        }
    }
}
