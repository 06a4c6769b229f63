import Options
package import Platform

/// How one source talks to one site: limits, time-outs, and what to do when things go wrong. *Value.*
///
/// Its options, with what each does: `EgressPathConfig+Options`.
package struct EgressPathConfig: OptionTable {
    /// Most connections at once.
    package var connectionLimit = ConnectionLimit(32)
    /// Further, named limits of connections, all of which must be held.
    package var additionalConnectionLimits: [String: ConnectionLimit] = [:]
    /// New connections per time.
    package var maxConnectionRate: ThrottleSpec?
    /// Messages per time.
    package var maxMessageRate: ThrottleSpec?
    /// Further, named rates of messages.
    package var additionalMessageRateThrottles: [String: ThrottleSpec] = [:]
    /// Most messages in the ready queue.
    package var maxReady = 1024
    /// Messages after which a connection is closed.
    package var maxDeliveriesPerConnection = 1024
    /// Most recipients of one transaction.
    package var maxRecipientsPerBatch = 100
    /// Failed connections in a row after which the whole ready queue is delayed.
    package var consecutiveConnectionFailuresBeforeDelay = 100
    /// How long a TCP connection may take.
    package var connectTimeout = Duration.seconds(60)
    /// How long the greeting may take.
    package var bannerTimeout = Duration.seconds(60)
    /// How long the answer to EHLO may take.
    package var ehloTimeout = Duration.seconds(300)
    /// How long the answer to MAIL may take.
    package var mailFromTimeout = Duration.seconds(300)
    /// How long the answer to RCPT may take.
    package var rcptToTimeout = Duration.seconds(300)
    /// How long the answer to DATA may take.
    package var dataTimeout = Duration.seconds(300)
    /// How long the answer to the final dot may take.
    package var dataDotTimeout = Duration.seconds(300)
    /// How long the answer to RSET may take.
    package var rsetTimeout = Duration.seconds(5)
    /// How long an idle connection is kept; zero closes it at once.
    package var idleTimeout = Duration.seconds(5)
    /// How long a connection may go on when the node stops; nil for `effectiveShutdownTimeout`'s sum.
    package var systemShutdownTimeout: Duration?
    /// The port of the peer, unless the source or a host list names one.
    package var smtpPort = 25
    /// The name to say in EHLO.
    package var ehloDomain: String?
    /// What is wanted of TLS.
    package var enableTls = TLSMode.opportunistic
    /// How long the answer to STARTTLS may take, and the handshake.
    package var startTLSTimeout = Duration.seconds(5)
    /// Whether a host whose handshake fails is dialled again in clear.
    package var opportunisticTLSReconnect = false
    /// How long broken TLS of a site is remembered; nil for `brokenTLSMemory`'s rule.
    package var rememberBrokenTLS: Duration?
    /// Whether MAIL, RCPT and DATA may be sent together when the peer offers it.
    package var enablePipelining = true
    /// Whether RSET is sent between messages.
    package var enableRset = true
    /// Addresses mail must never go to.
    package var prohibitedHosts = NetworkList.thisHost
    /// Addresses that are passed over.
    package var skipHosts = NetworkList.none
    /// Which address families are used, in which order.
    package var ipLookupStrategy = IPLookupStrategy.ipv4AndIPv6
    /// What to do after the peer dropped a connection.
    package var reconnectStrategy = ReconnectStrategy.connectNextHost
    /// Whether the same message may go to the next host when the transport failed.
    package var tryNextHostOnTransportError = false
    /// Whether to speak LMTP (RFC 2033).
    package var useLmtp = false
    /// Whether mail may go to a listener of this node itself.
    package var allowDeliveryToSelf = false
    /// Whether 8-bit content is sent without asking what the peer can do.
    package var ignore8bitChecks = false
    /// A label for metrics and logs.
    package var providerName: String?
    /// How long this configuration holds.
    package var refreshInterval = Duration.seconds(60)

    /// The defaults.
    package init() {}

    /// How long a connection may go on when the node stops.
    package var effectiveShutdownTimeout: Duration {
        systemShutdownTimeout ?? (mailFromTimeout + rcptToTimeout + dataTimeout + dataDotTimeout)
    }

    /// How long broken TLS of a site is remembered; nil for not at all.
    package var brokenTLSMemory: Duration? { rememberBrokenTLS ?? (opportunisticTLSReconnect ? .seconds(900) : nil) }
}
