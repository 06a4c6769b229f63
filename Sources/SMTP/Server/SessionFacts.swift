package import NIOCore
package import TLS

/// What is known about the client of a session. *Value.*
package struct SessionFacts: Sendable {
    /// Unique within the process.
    package let id: UInt64
    /// The client's address.
    package var peer: SocketAddress?
    /// The address the client connected to.
    package var local: SocketAddress?
    /// The name the client gave with HELO or EHLO, once accepted.
    package var ehlo: String?
    /// True after EHLO.
    package var isESMTP = false
    /// What is known of the encryption; nil in clear.
    package var tls: TLSFacts?

    /// Facts of a session that has not said anything yet.
    package init(id: UInt64, peer: SocketAddress? = nil, local: SocketAddress? = nil) {
        self.id = id
        self.peer = peer
        self.local = local
    }

    /// The client's IP address as text; empty when the transport has none.
    package var peerIP: String { peer?.ipAddress ?? "" }
    /// The local IP address as text; empty when the transport has none.
    package var localIP: String { local?.ipAddress ?? "" }
    /// How messages come in (RFC 3848): `SMTP`, `ESMTP`, `ESMTPS`.
    package var protocolName: String { isESMTP ? (tls == nil ? "ESMTP" : "ESMTPS") : "SMTP" }
    /// `ip:port` of the client, `[ip]:port` for IPv6.
    package var peerText: String { Self.text(of: peer) }
    /// `ip:port` of the local end.
    package var localText: String { Self.text(of: local) }

    private static func text(of address: SocketAddress?) -> String {
        guard let address else { return "" }
        guard let ip = address.ipAddress, let port = address.port else { return address.pathname ?? "" }
        return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}
