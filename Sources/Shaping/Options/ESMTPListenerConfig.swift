package import Options
package import Platform

/// How one SMTP listener receives mail. *Value.*
package struct ESMTPListenerConfig: OptionTable {
    /// Where it listens.
    package var listen = ListenAddress(host: "127.0.0.1", port: 0)
    /// The name in the greeting and in `Received`; nil for the node's own.
    package var hostname: String?
    /// The text after the name in the greeting.
    package var banner = "Apus"
    /// Clients that may send to anyone.
    package var relayHosts = NetworkList.loopback
    /// Which trace header fields are added.
    package var traceHeaders = TraceHeaders()
    /// How long a client may be silent.
    package var clientTimeout = Duration.seconds(60)
    /// How long the work between the final dot and the reply may take.
    package var dataProcessingTimeout = Duration.seconds(300)
    /// The largest message, in bytes.
    package var maxMessageSize = 20 << 20
    /// Most messages of one connection.
    package var maxMessagesPerConnection = 10_000
    /// Most recipients of one message.
    package var maxRecipientsPerMessage = 1024
    /// Most connections at once.
    package var maxConnections = 32_768
    /// How much of the content is read at once, in bytes.
    package var dataBufferSize = 128 << 10
    /// What to do with a bare CR or LF.
    package var invalidLineEndings = InvalidLineEndings.deny
    /// The longest line, in bytes without its end.
    package var lineLengthHardLimit = 998
    /// Most `Received` fields of a message; one with more is in a mail loop.
    package var maxReceivedHeaders = 100
    /// How a message with many recipients is split.
    package var batchHandling = BatchHandling.bifurcateAlways
    /// Whether messages stay in memory until their first attempt failed.
    package var deferredSpool = false
    /// The certificate and its chain, PEM; nil for one that the node makes itself.
    package var tlsCertificate: KeySource?
    /// The private key of the certificate, PEM.
    package var tlsPrivateKey: KeySource?
    /// Authorities one of which must vouch for each client, PEM; nil when clients need no certificate.
    package var tlsRequiredClientCA: KeySource?
    /// Whether TLS begins with the connection, before the greeting (RFC 8314, 3.3), and not by STARTTLS.
    package var useTLS = false
    /// Metadata that each connection starts with.
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

    /// Checks that a certificate has its key, and the metadata that names queues.
    package func finish(_ read: OptionReader) throws(ConfigError) {
        if tlsCertificate != nil, tlsPrivateKey == nil { throw read.fail("tls_private_key", "is missing: tls_certificate needs its key") }
        if tlsPrivateKey != nil, tlsCertificate == nil {
            throw read.fail("tls_certificate", "is missing: tls_private_key is of no use without it")
        }
        for key in ["tenant", "campaign", "routing_domain", "queue"] {
            switch meta[key] {
            case nil, .null, .string, .integer: break
            case .some(let value): throw read.mustBe("meta", "a table in which '\(key)' is a text", value)
            }
        }
    }
}
