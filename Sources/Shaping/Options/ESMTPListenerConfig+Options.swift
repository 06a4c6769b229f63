extension ESMTPListenerConfig {
    /// Every name of the table.
    static let options = OptionSchema(
        owner: "esmtp listener",
        rules: [
            "listen": .field,
            "hostname": .field,
            "banner": .field,
            "relay_hosts": .field,
            "tls_certificate": .unsupported(),
            "tls_private_key": .unsupported(),
            "tls_required_client_ca": .unsupported(),
            "trace_headers": .field,
            "client_timeout": .field,
            "data_processing_timeout": .field,
            "max_message_size": .field,
            "max_messages_per_connection": .field,
            "max_recipients_per_message": .field,
            "max_connections": .field,
            "data_buffer_size": .field,
            "invalid_line_endings": .field,
            "line_length_hard_limit": .field,
            "max_received_headers": .field,
            "batch_handling": .field,
            "deferred_spool": .field,
            "deferred_queue": .unsupported([.exactly(false)]),
            "allow_xclient": .unsupported([.exactly(false)]),
            "require_proxy_protocol": .unsupported([.exactly(false)]),
            "meta": .field,
            "peer": .unsupported([.empty]),
            "via": .unsupported([.empty]),
        ])

    /// Whether two configurations say the same.
    package static func == (a: ESMTPListenerConfig, b: ESMTPListenerConfig) -> Bool {
        if a === b { return true }
        guard a.listen == b.listen,
            a.hostname == b.hostname,
            a.banner == b.banner,
            a.relayHosts == b.relayHosts,
            a.traceHeaders == b.traceHeaders,
            a.clientTimeout == b.clientTimeout,
            a.dataProcessingTimeout == b.dataProcessingTimeout,
            a.maxMessageSize == b.maxMessageSize,
            a.maxMessagesPerConnection == b.maxMessagesPerConnection,
            a.maxRecipientsPerMessage == b.maxRecipientsPerMessage,
            a.maxConnections == b.maxConnections,
            a.dataBufferSize == b.dataBufferSize,
            a.invalidLineEndings == b.invalidLineEndings,
            a.lineLengthHardLimit == b.lineLengthHardLimit,
            a.maxReceivedHeaders == b.maxReceivedHeaders,
            a.batchHandling == b.batchHandling,
            a.deferredSpool == b.deferredSpool,
            a.meta == b.meta
        else { return false }
        return true
    }
}
