package import Options

extension ESMTPListenerConfig {
    /// Every name of the table.
    package static let options = OptionList<ESMTPListenerConfig>("esmtp listener") {
        OptionRow.required("listen", \.listen, .listenAddress, "where it listens; port 0 picks a free one, which is printed")
        OptionRow("hostname", \.hostname, .hostName, none: "the machine's", "in the greeting, in replies and in `Received`")
        // A reply line has 512 bytes (RFC 5321 4.5.3.1.5), and code and host name come first.
        OptionRow(
            "banner", \.banner,
            .text("a text of at most 200 bytes of printable ASCII", values: "at most 200 bytes") { text in
                text.utf8.count <= 200 && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            }, "text after the host name in the greeting")
        OptionRow("relay_hosts", \.relayHosts, .networks, "clients that may relay")
        OptionRow("max_message_size", \.maxMessageSize, .bytes(1...(1 << 40)), "then `552 5.3.4`; announced with SIZE")
        OptionRow("max_recipients_per_message", \.maxRecipientsPerMessage, .int(1...1_000_000), "then `452 4.5.3`")
        OptionRow("max_messages_per_connection", \.maxMessagesPerConnection, .int(1...1_000_000_000), "then `421 4.3.2` at the next MAIL")
        OptionRow(
            "max_connections", \.maxConnections, .int(1...10_000_000),
            "of this listener; then `421 4.3.2` instead of the greeting. The [limit of open files](operations.md#open-files) may lower it")
        OptionRow("client_timeout", \.clientTimeout, .duration, "silence of the client; then `421 4.3.2`")
        OptionRow(
            "data_processing_timeout", \.dataProcessingTimeout, .duration, "for an answer of the policy and the spool; then `451 4.4.5`")
        OptionRow(
            "line_length_hard_limit", \.lineLengthHardLimit, .bytes(64...(64 << 20)), "bytes of a line of content; then `500 5.2.3`")
        OptionRow(
            "max_received_headers", \.maxReceivedHeaders, .int(1...1_000_000),
            "`Received` fields of a message; one with more has passed so many servers that it must be in a loop: `554 5.4.6`")
        OptionRow(
            "invalid_line_endings", \.invalidLineEndings, .choice,
            "a bare CR or LF in the content: refused, kept (`'Allow'`) or made CRLF (`'Fix'`)")
        OptionRow(
            "batch_handling", \.batchHandling, .choice,
            "a message per recipient, or one per recipient domain. A recipient named twice counts once")
        OptionRow("deferred_spool", \.deferredSpool, .bool, "keep messages in memory until a first failure ([spool](spool.md))")
        OptionRow(
            "tls_certificate", \.tlsCertificate, .keySource, none: "made by the node",
            "certificate and chain ([TLS](tls.md)); read again when it changes")
        OptionRow("tls_private_key", \.tlsPrivateKey, .keySource, "its key, without a passphrase")
        OptionRow(
            "tls_required_client_ca", \.tlsRequiredClientCA, .keySource,
            "authorities; a client that starts TLS needs a certificate of one of them")
        OptionRow("use_tls", \.useTLS, .bool, "TLS from the first byte, as on port 465, instead of STARTTLS")
        OptionRow(
            "meta", \.meta, .table("a table such as { tenant = 'a' }"), "values that every connection and its messages start with")
        OptionRow(
            "trace_headers", \.traceHeaders, .table(like: "{ supplemental_header = false }"),
            "which header fields are added on top of each message")
        OptionRow("data_buffer_size", \.dataBufferSize, .bytes(1024...(64 << 20)), "checked; buffers grow as they are needed")
        OptionRow.unsupported("deferred_queue", "allow_xclient", "require_proxy_protocol", accepting: [.exactly(false)])
        OptionRow.unsupported("peer", "via", accepting: [.empty])
    }
}
