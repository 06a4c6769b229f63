package import Options
package import Platform

/// How one SMTP listener receives mail. *Value.*
package struct ESMTPListenerConfig: OptionTable {
    package var listen = ListenAddress(host: "127.0.0.1", port: 0)
    package var hostname: String?
    package var banner = "Apus"
    package var relayHosts = NetworkList.loopback
    package var traceHeaders = TraceHeaders()
    package var clientTimeout = Duration.seconds(60)
    package var dataProcessingTimeout = Duration.seconds(300)
    package var maxMessageSize = 20 << 20
    package var maxMessagesPerConnection = 10_000
    package var maxRecipientsPerMessage = 1024
    package var maxConnections = 32_768
    package var dataBufferSize = 128 << 10
    package var invalidLineEndings = InvalidLineEndings.deny
    package var lineLengthHardLimit = 998
    package var maxReceivedHeaders = 100
    package var batchHandling = BatchHandling.bifurcateAlways
    package var deferredSpool = false
    package var meta: [String: ConfigValue] = [:]

    /// The defaults.
    package init() {}

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

    /// Checks the metadata that names queues.
    package mutating func finish(_ read: OptionReader) throws(ConfigError) {
        for key in ["tenant", "campaign", "routing_domain", "queue"] {
            switch meta[key] {
            case nil, .null, .string, .integer: break
            case .some(let value): throw read.mustBe("meta", "a table in which '\(key)' is a text", value)
            }
        }
    }
}
