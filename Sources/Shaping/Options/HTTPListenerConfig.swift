package import Platform

/// How one HTTP listener serves the API. *Shared* (immutable).
package final class HTTPListenerConfig: Sendable, Equatable {
    /// Where it listens.
    package let listen: ListenAddress
    /// The name of the node in answers; nil for the node's own.
    package let hostname: String?
    /// Clients that need no credentials.
    package let trustedHosts: NetworkList
    /// Names of this listener besides its own, and origins of pages that may use it: `host`, `host:port` or `scheme://host[:port]`.
    package let trustedNames: [String]
    /// Most connections at once.
    package let maxConnections: Int
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
        trustedNames = try read.texts(
            "trusted_names", [], "names or origins such as 'mta.example.com', 'mta.example.com:8443' or 'https://panel.example.com'",
            where: Self.isNameOrOrigin)
        maxConnections = try read.int("max_connections", 1024, in: 1...1_000_000)
        requestBodyLimit = try read.byteCount("request_body_limit", 2 << 20, in: 1024...(1 << 30))
        content = try Content(read)
    }

    private static func isNameOrOrigin(_ text: String) -> Bool {
        var rest = Substring(text.lowercased())
        for scheme in ["http://", "https://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        return HostPort(String(rest)) != nil
    }

    /// Whether two configurations say the same.
    package static func == (a: HTTPListenerConfig, b: HTTPListenerConfig) -> Bool {
        a === b
            || (a.listen, a.hostname, a.trustedHosts, a.trustedNames, a.maxConnections, a.requestBodyLimit)
                == (b.listen, b.hostname, b.trustedHosts, b.trustedNames, b.maxConnections, b.requestBodyLimit) && a.content == b.content
    }

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "http listener",
        rules: [
            "listen": .field,
            "hostname": .field,
            "trusted_hosts": .field,
            "trusted_names": .field,
            "max_connections": .field,
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
