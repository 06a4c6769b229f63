/// How one HTTP listener serves the API. *Shared* (immutable).
package final class HTTPListenerConfig: Sendable, Equatable {
    /// Where it listens.
    package let listen: ListenAddress
    /// The name of the node in answers; nil for the node's own.
    package let hostname: String?
    /// Clients that need no credentials.
    package let trustedHosts: [String]
    /// The largest request body, in bytes.
    package let requestBodyLimit: Int
    /// What raw content must be like.
    package let content: Content

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        listen = try read.listenAddress("listen")
        hostname = try read.optionalText(
            "hostname", "a host name in ASCII such as 'mail.example.com'", where: TextCheck.isHelloDomain)
        trustedHosts = try read.networks("trusted_hosts", ["127.0.0.1", "::1"])
        requestBodyLimit = try read.byteCount("request_body_limit", 2 << 20, in: 1024...(1 << 30))
        content = try Content(read)
    }

    /// Whether two configurations say the same.
    package static func == (a: HTTPListenerConfig, b: HTTPListenerConfig) -> Bool {
        a === b
            || (a.listen, a.hostname, a.trustedHosts, a.requestBodyLimit, a.content)
                == (b.listen, b.hostname, b.trustedHosts, b.requestBodyLimit, b.content)
    }

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "http listener",
        rules: [
            "listen": .field,
            "hostname": .field,
            "trusted_hosts": .field,
            "use_tls": .unsupported([.exactly(false)]),
            "tls_certificate": .unsupported(),
            "tls_private_key": .unsupported(),
            "request_body_limit": .field,
            "invalid_line_endings": .field,
            "line_length_hard_limit": .field,
            "max_received_headers": .field,
            "raw_bcc": .field,
        ])
}
