import Options
import Shaping

/// *Value*: what `smtp_server_ehlo` may allow a client: connections per time, messages per session (short forms).
struct ClientCaps {
    var maxConnectionRate: ThrottleSpec?
    var maxDeliveriesPerConnection: Int?

    /// Reads what `smtp_server_ehlo` answered.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        for (key, value) in table.sorted(by: { $0.key < $1.key }) {
            switch (key, value) {
            case ("max_connection_rate", .string(let text)): maxConnectionRate = try ThrottleSpec(parsing: text)
            case ("max_deliveries_per_connection", let value) where (value.integerValue ?? 0) > 0:
                maxDeliveriesPerConnection = Int(clamping: value.integerValue ?? 0)
            case ("max_connection_rate", _):
                throw ConfigError(message: "max_connection_rate must be a rate such as '100/minute'")
            case ("max_deliveries_per_connection", _):
                throw ConfigError(message: "max_deliveries_per_connection must be a whole number above 0")
            default:
                throw ConfigError(
                    message:
                        "unknown option '\(key)' returned by smtp_server_ehlo; valid are max_connection_rate, max_deliveries_per_connection"
                )
            }
        }
    }
}
