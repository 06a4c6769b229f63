package import Shaping

/// *value*: what the policy declared at its top level or in `init`.
package struct PolicyDeclarations: Sendable {
    /// Of `kumo.start_esmtp_listener`, in order.
    package var listeners: [ESMTPListenerConfig] = []
    /// Of `kumo.start_http_listener`, in order.
    package var httpListeners: [HTTPListenerConfig] = []
    /// Of `kumo.define_spool`.
    package var spools: [SpoolConfig] = []
    /// Of `kumo.configure_local_logs`.
    package var logs: [LocalLogsConfig] = []
    /// The store that the nodes of a cluster share; nil for a node alone.
    package var redis: RedisThrottleConfig?
    /// Longest time it is remembered that a domain or a record does not exist; nil for the default.
    package var negativeTTL: Duration?
}
