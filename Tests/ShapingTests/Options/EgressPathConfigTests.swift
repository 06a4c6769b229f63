import Platform
import Shaping
import Testing

@testable import Options

@Suite struct EgressPathConfigTests {
    @Test func defaultsAreThoseOfTheReference() {
        let path = EgressPathConfig.defaults
        #expect(path.connectionLimit == ConnectionLimit(32))
        #expect(path.maxConnectionRate == nil && path.maxMessageRate == nil)
        #expect(path.additionalConnectionLimits.isEmpty && path.additionalMessageRateThrottles.isEmpty)
        #expect((path.maxReady, path.maxDeliveriesPerConnection, path.maxRecipientsPerBatch) == (1024, 1024, 100))
        #expect(path.consecutiveConnectionFailuresBeforeDelay == 100)
        #expect((path.connectTimeout, path.bannerTimeout) == (.seconds(60), .seconds(60)))
        #expect(
            [path.ehloTimeout, path.mailFromTimeout, path.rcptToTimeout, path.dataTimeout, path.dataDotTimeout].allSatisfy {
                $0 == .seconds(300)
            })
        #expect((path.rsetTimeout, path.idleTimeout) == (.seconds(5), .seconds(5)))
        #expect(path.systemShutdownTimeout == nil && path.effectiveShutdownTimeout == .seconds(1200))
        #expect(path.smtpPort == 25 && path.ehloDomain == nil && path.enableTls == .opportunistic)
        #expect(path.enablePipelining && path.enableRset)
        #expect(path.prohibitedHosts.texts == ["127.0.0.0/8", "0.0.0.0", "::1", "::"] && path.skipHosts.isEmpty)
        #expect(path.ipLookupStrategy == .ipv4AndIPv6 && path.reconnectStrategy == .connectNextHost)
        #expect(!path.tryNextHostOnTransportError && !path.useLmtp && !path.ignore8bitChecks)
        #expect(path.providerName == nil && path.refreshInterval == .seconds(60))
    }

    @Test func shortFormsWork() throws {
        let path = try EgressPathConfig([
            "max_connection_rate": "100/minute", "max_deliveries_per_connection": 100, "max_message_rate": "1000/minute",
        ])
        #expect(path.maxConnectionRate == ThrottleSpec(limit: 100, periodNanoseconds: 60_000_000_000))
        #expect(path.maxMessageRate == ThrottleSpec(limit: 1000, periodNanoseconds: 60_000_000_000))
        #expect(path.maxDeliveriesPerConnection == 100)
    }

    @Test func limitsMayBeLocal() throws {
        let path = try EgressPathConfig([
            "connection_limit": "local:7", "additional_connection_limits": ["a": 3, "b": "local:4", "c": "1,000"],
        ])
        #expect(path.connectionLimit == ConnectionLimit(7, isLocal: true))
        #expect(
            path.additionalConnectionLimits == [
                "a": ConnectionLimit(3), "b": ConnectionLimit(4, isLocal: true), "c": ConnectionLimit(1000),
            ])
    }

    /// Broken TLS is remembered when the mail may go in clear, or as the policy says.
    @Test func brokenTLSIsRememberedAsTheOptionsSay() throws {
        #expect(EgressPathConfig.defaults.brokenTLSMemory == nil)
        let reconnects: [String: ConfigValue] = ["opportunistic_tls_reconnect_on_failed_handshake": .bool(true)]
        #expect(try EgressPathConfig(reconnects).brokenTLSMemory == .seconds(900))
        #expect(try EgressPathConfig(reconnects.merging(["remember_broken_tls": .string("1h")]) { $1 }).brokenTLSMemory == .seconds(3600))
    }

    @Test(
        arguments: [
            ("Opportunistic", .opportunistic), ("OpportunisticInsecure", .opportunisticInsecure), ("Required", .required),
            ("RequiredInsecure", .requiredInsecure), ("Disabled", .disabled),
        ]
            as [(String, EgressPathConfig.TLSMode)])
    func otherTLSIsAccepted(text: String, mode: EgressPathConfig.TLSMode) throws {
        #expect(try EgressPathConfig(["enable_tls": .string(text)]).enableTls == mode)
    }

    @Test(
        arguments: [
            ("enable_tls", "opportunistc", "did you mean 'Opportunistic'?"),
            ("max_message_rate", "100/parsec", "the period 'parsec' is unknown"),
            ("max_message_rate", 100, "must be a rate such as '100/s'"),
            ("additional_message_rate_throttles", ["daily": "x"], "option 'additional_message_rate_throttles.daily' is wrong"),
            ("additional_connection_limits", ["a": 0], "option 'additional_connection_limits.a' must be a whole number from 1"),
            ("connection_limit", 0, "must be a whole number from 1"),
            ("connection_limit", "local:", "or a text 'local:N'"),
            ("smtp_port", 65536, "from 1 to 65535; got 65536"),
            ("smtp_port", "25", "from 1 to 65535; got '25'"),
            ("ehlo_domain", "a\r\nMAIL FROM:<x@y>", "must be a host name in ASCII"),
            ("ehlo_domain", "[1.2.3]", "must be a host name in ASCII"),
            ("connect_timeout", 0, "must be from 1ms"),
            ("prohibited_hosts", ["10.0.0.0/33"], "must be a list of IP addresses or networks"),
            ("skip_hosts", ["localhost"], "got 'localhost'"),
            ("refresh_strategy", "Never", "must be 'Ttl' or 'Epoch'"),
            ("dispatcher_progress_watchdog_timeout", "soon", "must be a duration"),
        ] as [(String, ConfigValue, String)])
    func refusals(option: String, value: ConfigValue, text: String) {
        let error = #expect(throws: ConfigError.self) { try EgressPathConfig([option: value]) }
        #expect(error?.message.hasPrefix("egress path: option '\(option)") == true)
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }

    @Test func aRefreshThatSaysTheSameInOtherWordsChangesNothing() throws {
        #expect(
            try EgressPathConfig(["idle_timeout": "1m", "max_message_rate": "60/m"])
                == EgressPathConfig(["idle_timeout": 60, "max_message_rate": "60/minute"]))
    }

    @Test func tooManyNamedLimitsAreRefused() {
        let limits = Dictionary(uniqueKeysWithValues: (0..<257).map { ("l\($0)", ConfigValue.integer(1)) })
        #expect(throws: ConfigError.self) { try EgressPathConfig(["additional_connection_limits": .table(limits)]) }
    }
}
