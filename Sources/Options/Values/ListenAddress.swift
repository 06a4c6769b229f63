/// Where a listener listens. *Value.*
package struct ListenAddress: Sendable, Hashable {
    /// The address or host name, without brackets.
    package let host: String
    /// The port; 0 lets the system choose one.
    package let port: Int

    /// An address from its parts.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `0.0.0.0:25`, `[::]:25` or `localhost:2525`.
    package init(parsing text: String) throws(ConfigError) {
        guard let pair = HostPort(text), let port = pair.port else {
            throw ConfigError(
                message: "'\(TextCheck.shortened(text))' is not an address to listen on; "
                    + "accepted: ADDRESS:PORT such as '0.0.0.0:25', '127.0.0.1:8000' or '[::]:25' (port 0 lets the system choose)")
        }
        self.init(host: pair.host, port: port)
    }

    /// The address as it is written, IPv6 in brackets.
    package var text: String {
        host.utf8.contains(0x3A) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
