package import Shaping

/// *value*: what the policy declared at its top level or in `init`.
package struct PolicyDeclarations: Sendable {
    package var listeners: [ESMTPListenerConfig] = []
    package var httpListeners: [HTTPListenerConfig] = []
    package var spools: [SpoolConfig] = []
    package var logs: [LocalLogsConfig] = []
    /// The store that the nodes of a cluster share; nil for a node alone.
    package var redis: RedisThrottleConfig?
    /// Longest time it is remembered that a domain or a record does not exist; nil for the default.
    package var negativeTTL: Duration?
}
