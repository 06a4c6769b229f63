/// Where a server listens. *Value.*
package struct RedisEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A host name or an IP address, without brackets.
    package let host: String
    /// The port.
    package let port: Int

    /// A server by name or address.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`; an IPv6 address stands in brackets.
    package var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension RedisEndpoint {
    /// A host from a server's reply: bounded and printable, so that it may be dialled and shown. Nil otherwise.
    static func told(host: String, port: Int64) -> RedisEndpoint? {
        guard (1...65_535).contains(port), (1...255).contains(host.utf8.count),
            host.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return RedisEndpoint(host: host, port: Int(port))
    }
}
