package import Options
package import Platform

/// How one source talks to one site: limits, time-outs, and what to do when things go wrong. *Value.*
///
/// Its options, with what each does: `EgressPathConfig+Options`.
package struct EgressPathConfig: OptionTable {
    package var connectionLimit = ConnectionLimit(32)
    package var additionalConnectionLimits: [String: ConnectionLimit] = [:]
    package var maxConnectionRate: ThrottleSpec?
    package var maxMessageRate: ThrottleSpec?
    package var additionalMessageRateThrottles: [String: ThrottleSpec] = [:]
    package var maxReady = 1024
    package var maxDeliveriesPerConnection = 1024
    package var maxRecipientsPerBatch = 100
    package var consecutiveConnectionFailuresBeforeDelay = 100
    package var connectTimeout = Duration.seconds(60)
    package var bannerTimeout = Duration.seconds(60)
    package var ehloTimeout = Duration.seconds(300)
    package var mailFromTimeout = Duration.seconds(300)
    package var rcptToTimeout = Duration.seconds(300)
    package var dataTimeout = Duration.seconds(300)
    package var dataDotTimeout = Duration.seconds(300)
    package var rsetTimeout = Duration.seconds(5)
    package var idleTimeout = Duration.seconds(5)
    package var systemShutdownTimeout: Duration?
    package var smtpPort = 25
    package var ehloDomain: String?
    package var enableTls = TLSMode.opportunistic
    package var enablePipelining = true
    package var enableRset = true
    package var prohibitedHosts = NetworkList.thisHost
    package var skipHosts = NetworkList.none
    package var ipLookupStrategy = IPLookupStrategy.ipv4AndIPv6
    package var reconnectStrategy = ReconnectStrategy.connectNextHost
    package var tryNextHostOnTransportError = false
    package var useLmtp = false
    package var allowDeliveryToSelf = false
    package var ignore8bitChecks = false
    package var providerName: String?
    package var refreshInterval = Duration.seconds(60)

    /// The defaults.
    package init() {}

    /// How long a connection may go on when the node stops.
    package var effectiveShutdownTimeout: Duration {
        systemShutdownTimeout ?? (mailFromTimeout + rcptToTimeout + dataTimeout + dataDotTimeout)
    }

    /// Refuses what would send mail in clear that must be encrypted.
    package mutating func finish(_ read: OptionReader) throws(ConfigError) {
        guard enableTls == .required || enableTls == .requiredInsecure else { return }
        throw read.fail(
            "enable_tls",
            "must not be '\(enableTls.rawValue)': TLS is not in this version, and mail that must be encrypted "
                + "would have to go in clear; accepted: 'Opportunistic', 'OpportunisticInsecure', 'Disabled'")
    }
}
