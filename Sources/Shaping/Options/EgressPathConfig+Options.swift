package import Options

extension EgressPathConfig {
    private static let wakeup: OptionShape = .oneOf(["Aggressive", "Relaxed"])
    private static let reduction: OptionShape = .oneOf(["NoShrink", "ShrinkData", "ShrinkDataAndMeta"])

    /// Every name of the table.
    ///
    /// What would lend mail a property it does not get (DANE, certificates, ciphers, AUTH) is refused.
    package static let options = OptionList<EgressPathConfig>("egress path") {
        OptionRow("connection_limit", \.connectionLimit, .connectionLimit, "connections open at once")
        OptionRow(
            "additional_connection_limits", \.additionalConnectionLimits, .named(.connectionLimit, like: "limits such as { shared = 100 }"),
            "the same under names, `{ shared = 100 }`: all paths that use a name share the limit")
        OptionRow("max_connection_rate", \.maxConnectionRate, .rate, "new connections per time")
        OptionRow("max_message_rate", \.maxMessageRate, .rate, "messages handed over per time")
        OptionRow(
            "additional_message_rate_throttles", \.additionalMessageRateThrottles,
            .named(.rate, like: "rates such as { daily = '100000/d' }"), "the same under names, shared")
        OptionRow.unsupported("source_selection_rate")
        OptionRow.unsupported("additional_source_selection_rates", accepting: [.empty])
        OptionRow("max_ready", \.maxReady, .int(1...10_000_000), "messages in the ready queue")
        OptionRow(
            "max_deliveries_per_connection", \.maxDeliveriesPerConnection, .int(1...1_000_000_000),
            "messages after which a connection is closed")
        OptionRow("max_recipients_per_batch", \.maxRecipientsPerBatch, .int(1...1_000_000), "recipients in one transaction")
        OptionRow(
            "consecutive_connection_failures_before_delay", \.consecutiveConnectionFailuresBeforeDelay, .int(1...1_000_000_000),
            "failed connections in a row after which every message of the ready queue is put off, not one per failure")
        OptionRow("connect_timeout", \.connectTimeout, .duration, "for the TCP connection")
        OptionRow("banner_timeout", \.bannerTimeout, .duration, "for the greeting")
        OptionRow("ehlo_timeout", \.ehloTimeout, .duration, "for the answer to EHLO")
        OptionRow("mail_from_timeout", \.mailFromTimeout, .duration, "for the answer to MAIL")
        OptionRow("rcpt_to_timeout", \.rcptToTimeout, .duration, "for the answer to RCPT")
        OptionRow("data_timeout", \.dataTimeout, .duration, "for the answer to DATA")
        OptionRow("data_dot_timeout", \.dataDotTimeout, .duration, "for the answer to the final dot")
        OptionRow("rset_timeout", \.rsetTimeout, .duration, "for the answer to RSET")
        OptionRow("starttls_timeout", \.startTLSTimeout, .duration, "for the answer to STARTTLS, and for the handshake")
        OptionRow.ignored("auth_timeout", .duration)
        OptionRow(
            "idle_timeout", \.idleTimeout, .duration(.zero ... .seconds(86_400)),
            "how long an idle connection is kept; 0 closes it at once")
        OptionRow(
            "system_shutdown_timeout", \.systemShutdownTimeout, .duration(.zero ... .seconds(366 * 86_400)).showing("duration"),
            none: "sum of the four from MAIL to the final dot",
            "how long a connection may go on when the node stops, which waits 8 s at most")
        OptionRow("smtp_port", \.smtpPort, .int(1...65535), "the port, unless the source (`remote_port`) or the host list names one")
        OptionRow("ehlo_domain", \.ehloDomain, .helloDomain, none: "the source's, else the host's name", "said in EHLO")
        OptionRow(
            "enable_tls", \.enableTls, .choice,
            "whether mail is encrypted, and what a certificate must prove ([TLS](tls.md#to-other-servers))")
        OptionRow.ignored("enable_mta_sts", .bool)
        OptionRow.unsupported("enable_dane", accepting: [.exactly(false)])
        OptionRow("enable_pipelining", \.enablePipelining, .bool, "use PIPELINING when offered")
        OptionRow("enable_rset", \.enableRset, .bool, "RSET between messages")
        OptionRow.ignored("tls_prefer_openssl", .bool)
        OptionRow.unsupported("tls_certificate", "tls_private_key", "openssl_cipher_list", "openssl_cipher_suites", "openssl_options")
        OptionRow.unsupported("rustls_cipher_suites", accepting: [.empty])
        OptionRow(
            "opportunistic_tls_reconnect_on_failed_handshake", \.opportunisticTLSReconnect, .bool,
            "with `'Opportunistic'`: a host whose handshake fails gets its mail in clear")
        OptionRow(
            "remember_broken_tls", \.rememberBrokenTLS, .duration, none: "15m with the option before, else none",
            "how long a site is then not asked for TLS")
        OptionRow.unsupported("smtp_auth_plain_username", "smtp_auth_plain_password")
        OptionRow.unsupported(
            "allow_smtp_auth_plain_without_tls", "allow_smtp_auth_plain_without_valid_certificate", accepting: [.exactly(false)])
        OptionRow("prohibited_hosts", \.prohibitedHosts, .networks, "addresses that mail must not go to")
        OptionRow("skip_hosts", \.skipHosts, .networks, "addresses that are passed over")
        OptionRow("ip_lookup_strategy", \.ipLookupStrategy, .choice, "which address families are used, in which order")
        OptionRow(
            "reconnect_strategy", \.reconnectStrategy, .choice,
            "when the server drops a session that has work left; `'ReconnectSameHost'` tries once")
        OptionRow(
            "try_next_host_on_transport_error", \.tryNextHostOnTransportError, .bool,
            "a message whose connection broke before it can have been delivered goes to the next host at once")
        OptionRow("use_lmtp", \.useLmtp, .bool, "speak LMTP (RFC 2033)")
        OptionRow(
            "allow_delivery_to_self", \.allowDeliveryToSelf, .bool,
            "deliver to a listener of this node itself, which can make mail go in circles")
        OptionRow("ignore_8bit_checks", \.ignore8bitChecks, .bool, "send 8-bit content whatever the server offers")
        OptionRow("provider_name", \.providerName, .name, "a label for metrics and logs")
        OptionRow.ignored("aggressive_connection_opening", .bool)
        OptionRow.ignored("dispatcher_wakeup_strategy", wakeup)
        OptionRow.ignored("maintainer_wakeup_strategy", wakeup)
        OptionRow.ignored("dispatcher_progress_watchdog_timeout", .duration)
        OptionRow.ignored("readyq_pool_name", .name)
        OptionRow.ignored("low_memory_reduction_policy", reduction)
        OptionRow.ignored("no_memory_reduction_policy", reduction)
        OptionRow("refresh_interval", \.refreshInterval, .duration, "after which the policy is asked again")
        OptionRow.ignored("refresh_strategy", .oneOf(["Ttl", "Epoch"]))
    }
}
