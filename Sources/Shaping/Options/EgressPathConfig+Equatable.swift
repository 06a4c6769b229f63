extension EgressPathConfig {
    /// Whether two configurations say the same, so that a refresh that changed nothing disturbs nothing.
    package static func == (a: EgressPathConfig, b: EgressPathConfig) -> Bool {
        if a === b { return true }
        guard a.connectionLimit == b.connectionLimit,
            a.connectionLimitIsLocal == b.connectionLimitIsLocal,
            a.additionalConnectionLimits == b.additionalConnectionLimits,
            a.localConnectionLimits == b.localConnectionLimits,
            a.maxConnectionRate == b.maxConnectionRate,
            a.maxMessageRate == b.maxMessageRate,
            a.additionalMessageRateThrottles == b.additionalMessageRateThrottles,
            a.maxReady == b.maxReady,
            a.maxDeliveriesPerConnection == b.maxDeliveriesPerConnection,
            a.maxRecipientsPerBatch == b.maxRecipientsPerBatch,
            a.consecutiveConnectionFailuresBeforeDelay == b.consecutiveConnectionFailuresBeforeDelay,
            a.connectTimeout == b.connectTimeout,
            a.bannerTimeout == b.bannerTimeout,
            a.ehloTimeout == b.ehloTimeout,
            a.mailFromTimeout == b.mailFromTimeout,
            a.rcptToTimeout == b.rcptToTimeout,
            a.dataTimeout == b.dataTimeout,
            a.dataDotTimeout == b.dataDotTimeout,
            a.rsetTimeout == b.rsetTimeout,
            a.idleTimeout == b.idleTimeout,
            a.systemShutdownTimeout == b.systemShutdownTimeout,
            a.smtpPort == b.smtpPort,
            a.ehloDomain == b.ehloDomain,
            a.enableTls == b.enableTls,
            a.enablePipelining == b.enablePipelining,
            a.enableRset == b.enableRset,
            a.prohibitedHosts == b.prohibitedHosts,
            a.skipHosts == b.skipHosts,
            a.ipLookupStrategy == b.ipLookupStrategy,
            a.reconnectStrategy == b.reconnectStrategy,
            a.tryNextHostOnTransportError == b.tryNextHostOnTransportError,
            a.useLmtp == b.useLmtp,
            a.allowDeliveryToSelf == b.allowDeliveryToSelf,
            a.ignore8bitChecks == b.ignore8bitChecks,
            a.providerName == b.providerName,
            a.refreshInterval == b.refreshInterval
        else { return false }
        return true
    }
}
