package import Platform

/// How one source talks to one site: limits, time-outs, and what to do when things go wrong. *Shared* (immutable).
///
/// A class, because every ready queue and connection of the path holds it, and replacing it is one pointer.
package final class EgressPathConfig: Sendable, Equatable {
    /// Most connections at once.
    package let connectionLimit: Int
    /// Whether `connectionLimit` counts on this node only.
    package let connectionLimitIsLocal: Bool
    /// Further, named limits of connections, all of which must be held.
    package let additionalConnectionLimits: [String: Int]
    /// Which of the additional limits count on this node only.
    package let localConnectionLimits: Set<String>
    /// New connections per time.
    package let maxConnectionRate: ThrottleSpec?
    /// Messages per time.
    package let maxMessageRate: ThrottleSpec?
    /// Further, named rates of messages.
    package let additionalMessageRateThrottles: [String: ThrottleSpec]
    /// Most messages in the ready queue.
    package let maxReady: Int
    /// Messages after which a connection is closed.
    package let maxDeliveriesPerConnection: Int
    /// Most recipients of one transaction.
    package let maxRecipientsPerBatch: Int
    /// Failed connections in a row after which the whole ready queue is delayed.
    package let consecutiveConnectionFailuresBeforeDelay: Int
    /// How long a TCP connection may take.
    package let connectTimeout: Duration
    /// How long the greeting may take.
    package let bannerTimeout: Duration
    /// How long the answer to EHLO may take.
    package let ehloTimeout: Duration
    /// How long the answer to MAIL may take.
    package let mailFromTimeout: Duration
    /// How long the answer to RCPT may take.
    package let rcptToTimeout: Duration
    /// How long the answer to DATA may take.
    package let dataTimeout: Duration
    /// How long the answer to the final dot may take.
    package let dataDotTimeout: Duration
    /// How long the answer to RSET may take.
    package let rsetTimeout: Duration
    /// How long an idle connection is kept; zero closes it at once.
    package let idleTimeout: Duration
    /// How long a connection may go on when the node stops; nil for `effectiveShutdownTimeout`'s sum.
    package let systemShutdownTimeout: Duration?
    /// The port of the peer, unless the source or a host list names one.
    package let smtpPort: Int
    /// The name to say in EHLO.
    package let ehloDomain: String?
    /// What is wanted of TLS.
    package let enableTls: TLSMode
    /// Whether MAIL, RCPT and DATA may be sent together when the peer offers it.
    package let enablePipelining: Bool
    /// Whether RSET is sent between messages.
    package let enableRset: Bool
    /// Addresses mail must never go to.
    package let prohibitedHosts: NetworkList
    /// Addresses that are passed over.
    package let skipHosts: NetworkList
    /// Which address families are used, in which order.
    package let ipLookupStrategy: IPLookupStrategy
    /// What to do after the peer dropped a connection.
    package let reconnectStrategy: ReconnectStrategy
    /// Whether the same message may go to the next host when the transport failed.
    package let tryNextHostOnTransportError: Bool
    /// Whether to speak LMTP (RFC 2033).
    package let useLmtp: Bool
    /// Whether mail may go to a listener of this node itself.
    package let allowDeliveryToSelf: Bool
    /// Whether 8-bit content is sent without asking what the peer can do.
    package let ignore8bitChecks: Bool
    /// A label for metrics and logs.
    package let providerName: String?
    /// How long this configuration holds.
    package let refreshInterval: Duration

    /// The configuration of a table without options.
    package static let defaults: EgressPathConfig = {
        do throws(ConfigError) { return try EgressPathConfig([:]) } catch { preconditionFailure(error.message) }
    }()

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        let limit = try read.connectionLimit("connection_limit", 32)
        connectionLimit = limit.count
        connectionLimitIsLocal = limit.isLocal
        let limits = try read.connectionLimits("additional_connection_limits")
        additionalConnectionLimits = limits.mapValues(\.count)
        localConnectionLimits = Set(limits.filter { $0.value.isLocal }.keys)
        maxConnectionRate = try read.throttle("max_connection_rate")
        maxMessageRate = try read.throttle("max_message_rate")
        additionalMessageRateThrottles = try read.throttles("additional_message_rate_throttles")
        maxReady = try read.int("max_ready", 1024, in: 1...10_000_000)
        maxDeliveriesPerConnection = try read.int("max_deliveries_per_connection", 1024, in: 1...1_000_000_000)
        maxRecipientsPerBatch = try read.int("max_recipients_per_batch", 100, in: 1...1_000_000)
        consecutiveConnectionFailuresBeforeDelay = try read.int(
            "consecutive_connection_failures_before_delay", 100, in: 1...1_000_000_000)
        connectTimeout = try read.duration("connect_timeout", .seconds(60))
        bannerTimeout = try read.duration("banner_timeout", .seconds(60))
        ehloTimeout = try read.duration("ehlo_timeout", .seconds(300))
        mailFromTimeout = try read.duration("mail_from_timeout", .seconds(300))
        rcptToTimeout = try read.duration("rcpt_to_timeout", .seconds(300))
        dataTimeout = try read.duration("data_timeout", .seconds(300))
        dataDotTimeout = try read.duration("data_dot_timeout", .seconds(300))
        rsetTimeout = try read.duration("rset_timeout", .seconds(5))
        idleTimeout = try read.duration("idle_timeout", .seconds(5), in: .zero ... .seconds(86_400))
        systemShutdownTimeout = try read.optionalDuration("system_shutdown_timeout", in: .zero ... .seconds(366 * 86_400))
        smtpPort = try read.int("smtp_port", 25, in: 1...65535)
        ehloDomain = try read.optionalHelloDomain("ehlo_domain")
        enableTls = try read.choice("enable_tls", .opportunistic)
        if enableTls == .required || enableTls == .requiredInsecure {
            throw read.schema.fail(
                "enable_tls",
                "must not be '\(enableTls.rawValue)': TLS is not in this version, and mail that must be encrypted "
                    + "would have to go in clear; accepted: 'Opportunistic', 'OpportunisticInsecure', 'Disabled'")
        }
        enablePipelining = try read.bool("enable_pipelining", true)
        enableRset = try read.bool("enable_rset", true)
        prohibitedHosts = try read.networks("prohibited_hosts", ["127.0.0.0/8", "0.0.0.0", "::1", "::"])
        skipHosts = try read.networks("skip_hosts", [])
        ipLookupStrategy = try read.choice("ip_lookup_strategy", .ipv4AndIPv6)
        reconnectStrategy = try read.choice("reconnect_strategy", .connectNextHost)
        tryNextHostOnTransportError = try read.bool("try_next_host_on_transport_error", false)
        useLmtp = try read.bool("use_lmtp", false)
        allowDeliveryToSelf = try read.bool("allow_delivery_to_self", false)
        ignore8bitChecks = try read.bool("ignore_8bit_checks", false)
        providerName = try read.optionalName("provider_name")
        refreshInterval = try read.duration("refresh_interval", .seconds(60))
    }

    /// How long a connection may go on when the node stops.
    package var effectiveShutdownTimeout: Duration {
        systemShutdownTimeout ?? (mailFromTimeout + rcptToTimeout + dataTimeout + dataDotTimeout)
    }
}
