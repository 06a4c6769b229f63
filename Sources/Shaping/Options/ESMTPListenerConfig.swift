package import Platform

/// How one SMTP listener receives mail. *Shared* (immutable).
package final class ESMTPListenerConfig: Sendable, Equatable {
    /// Where it listens.
    package let listen: ListenAddress
    /// The name in the greeting and in `Received`; nil for the node's own.
    package let hostname: String?
    /// The text after the name in the greeting.
    package let banner: String
    /// Clients that may send to anyone.
    package let relayHosts: NetworkList
    /// Which trace header fields are added.
    package let traceHeaders: TraceHeaders
    /// How long a client may be silent.
    package let clientTimeout: Duration
    /// How long the work between the final dot and the reply may take.
    package let dataProcessingTimeout: Duration
    /// The largest message, in bytes.
    package let maxMessageSize: Int
    /// Most messages of one connection.
    package let maxMessagesPerConnection: Int
    /// Most recipients of one message.
    package let maxRecipientsPerMessage: Int
    /// Most connections at once.
    package let maxConnections: Int
    /// How much of the content is read at once, in bytes.
    package let dataBufferSize: Int
    /// What to do with a bare CR or LF.
    package let invalidLineEndings: InvalidLineEndings
    /// The longest line, in bytes without its end.
    package let lineLengthHardLimit: Int
    /// Most `Received` fields of a message; one with more is in a mail loop.
    package let maxReceivedHeaders: Int
    /// How a message with many recipients is split.
    package let batchHandling: BatchHandling
    /// Whether messages stay in memory until their first attempt failed.
    package let deferredSpool: Bool
    /// Metadata that each connection starts with.
    package let meta: [String: ConfigValue]

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        listen = try read.listenAddress("listen")
        hostname = try read.optionalText(
            "hostname", "a host name in ASCII such as 'mail.example.com'", where: TextCheck.isHelloDomain)
        // A reply line has 512 bytes (RFC 5321 4.5.3.1.5), and code and host name come first.
        banner =
            try read.optionalText(
                "banner", "a text of at most 200 bytes of printable ASCII",
                where: { text in text.utf8.count <= 200 && text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }) ?? "Apus"
        relayHosts = try read.networks("relay_hosts", ["127.0.0.1", "::1"])
        traceHeaders = try TraceHeaders(read.table("trace_headers", "a table such as { supplemental_header = false }"))
        clientTimeout = try read.duration("client_timeout", .seconds(60))
        dataProcessingTimeout = try read.duration("data_processing_timeout", .seconds(300))
        maxMessageSize = try read.byteCount("max_message_size", 20 << 20, in: 1...(1 << 40))
        maxMessagesPerConnection = try read.int("max_messages_per_connection", 10_000, in: 1...1_000_000_000)
        maxRecipientsPerMessage = try read.int("max_recipients_per_message", 1024, in: 1...1_000_000)
        maxConnections = try read.int("max_connections", 32_768, in: 1...10_000_000)
        dataBufferSize = try read.byteCount("data_buffer_size", 128 << 10, in: 1024...(64 << 20))
        invalidLineEndings = try read.choice("invalid_line_endings", .deny)
        lineLengthHardLimit = try read.byteCount("line_length_hard_limit", 998, in: 64...(64 << 20))
        maxReceivedHeaders = try read.int("max_received_headers", 100, in: 1...1_000_000)
        batchHandling = try read.choice("batch_handling", .bifurcateAlways)
        deferredSpool = try read.bool("deferred_spool", false)
        meta = try read.table("meta", "a table such as { tenant = 'a' }")
        for key in ["tenant", "campaign", "routing_domain", "queue"] {
            switch meta[key] {
            case nil, .null, .string, .integer: break
            case .some(let value): throw read.mustBe("meta", "a table in which '\(key)' is a text", value)
            }
        }
    }

    /// What to do with a bare CR or LF. *Value.*
    package enum InvalidLineEndings: String, Sendable, Hashable, CaseIterable {
        /// Refuse the message.
        case deny = "Deny"
        /// Take it as it is.
        case allow = "Allow"
        /// Make it CRLF.
        case fix = "Fix"
    }

    /// How a message with many recipients is split. *Value.*
    package enum BatchHandling: String, Sendable, Hashable, CaseIterable {
        /// One message for each recipient.
        case bifurcateAlways = "BifurcateAlways"
        /// One message for each domain.
        case batchByDomain = "BatchByDomain"
    }
}
