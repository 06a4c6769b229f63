package import Options
package import Platform

/// How one HTTP listener serves the API. *Value.*
package struct HTTPListenerConfig: OptionTable {
    /// Where it listens.
    package var listen = ListenAddress(host: "127.0.0.1", port: 0)
    /// The name of the node in answers; nil for the node's own.
    package var hostname: String?
    /// Clients that need no credentials.
    package var trustedHosts = NetworkList.loopback
    /// `host`, `host:port` or `scheme://host[:port]`.
    package var trustedNames: [String] = []
    /// Most connections at once.
    package var maxConnections = 1024
    /// The largest request body, in bytes.
    package var requestBodyLimit = 2 << 20
    /// What raw content must be like.
    package var content = Content()

    /// The defaults.
    package init() {}

    private static func isNameOrOrigin(_ text: String) -> Bool {
        var rest = Substring(text.lowercased())
        for scheme in ["http://", "https://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        return HostPort(String(rest)) != nil
    }

    /// Every name of the table.
    package static let options = OptionList<HTTPListenerConfig>("http listener") {
        OptionRow.required(
            "listen", \.listen, .listenAddress, "where it listens; `apus serve --http ADDR` goes first, with the defaults below")
        OptionRow(
            "trusted_hosts", \.trustedHosts, .networks,
            "clients that are answered; everybody else gets 401, except for the health paths")
        OptionRow(
            "trusted_names", \.trustedNames,
            .texts(
                "names or origins such as 'mta.example.com', 'mta.example.com:8443' or 'https://panel.example.com'",
                values: "list of names and origins", where: isNameOrOrigin),
            "more names of this listener and origins of pages that may use it: see [browsers](#browsers)")
        OptionRow(
            "request_body_limit", \.requestBodyLimit, .bytes(1024...(1 << 30)),
            "then 413, before the body is read when `Content-Length` says so")
        OptionRow(
            "max_connections", \.maxConnections, .int(1...1_000_000),
            "then 503; half of it for addresses that are not trusted. The [limit of open files](operations.md#open-files) may lower it")
        Content.options.under(\.content)
        OptionRow("hostname", \.hostname, .hostName, "a name of this listener for [browsers](#browsers)")
        OptionRow.unsupported("use_tls", accepting: [.exactly(false)])
        OptionRow.unsupported("tls_certificate", "tls_private_key")
    }
}
