import DNS
import Options
import Shaping

/// *Value*: the names under which browsers may reach the API: those of the listener and those of `trusted_names`.
struct TrustedNames: Sendable {
    /// Names that are good in `Host`, whatever the port: a tunnel or a container may publish another one.
    private var names: Set<Authority.Host> = []
    /// Names that stand for this listener in an `Origin`, at its own port or at the port of the scheme.
    private var listed: Set<Authority.Host> = []
    /// Entries with a port: both schemes.
    private var authorities: Set<Authority> = []
    /// Entries with a scheme: exactly this origin.
    private var origins: Set<Origin> = []

    /// The names of the listener's own address, of the host, and those that are listed.
    package init(listen: ListenAddress, hostnames: [String], listed texts: [String]) {
        for text in [listen.host] + hostnames {
            guard let host = Authority.Host(Substring(text)) else { continue }
            names.insert(host)
            // The short name of a host cannot be registered by a stranger.
            if case .name(let name) = host, let label = name.split(separator: ".").first { names.insert(.name(String(label))) }
        }
        for text in texts {
            if let origin = Origin(text) {
                origins.insert(origin)
                names.insert(origin.authority.host)
            } else if let authority = Authority(Substring(text)) {
                names.insert(authority.host)
                if authority.port == nil { listed.insert(authority.host) } else { authorities.insert(authority) }
            }
        }
    }

    /// Whether a `Host` cannot be a stranger's name that was pointed at this machine (DNS rebinding).
    func isOwn(_ host: Authority.Host) -> Bool {
        switch host {
        case .address: true  // nobody can point an address elsewhere
        case .name(let name): name == "localhost" || names.contains(host)
        }
    }

    /// Whether a page of that origin may use the API. `host` is what the request calls us; `local` where it came in.
    package func allows(_ origin: Origin, host: Authority?, local: Authority) -> Bool {
        if origins.contains(origin) { return true }
        let authority = origin.authority
        if authorities.contains(authority) { return true }
        if listed.contains(authority.host), let port = authority.port, port == local.port || port == 80 || port == 443 { return true }
        guard origin.scheme == "http" else { return false }  // this listener has no TLS: such a page is another server's
        // Where the page came from is where the request went to: the same origin, whatever a tunnel makes of the port.
        if let host, isOwn(host.host), host.withPort(of: "http") == authority { return true }
        guard authority.port == local.port else { return false }
        if authority.host == local.host || names.contains(authority.host) { return true }
        return local.host.isLoopback && authority.host.isLoopback
    }
}

/// *Value*: what an `Origin` field says (RFC 6454 7.1): scheme, host and port, nothing else.
struct Origin: Sendable, Hashable {
    let scheme: String
    /// With its port, written or implied.
    let authority: Authority

    /// `nil` for `null` and for anything that is not one origin.
    package init?(_ text: String) {
        guard let separator = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[separator...].hasPrefix("://") else { return nil }
        let scheme = text[..<separator].lowercased()
        guard scheme == "http" || scheme == "https", let authority = Authority(text[text.index(separator, offsetBy: 3)...]) else {
            return nil
        }
        self.scheme = scheme
        self.authority = authority.withPort(of: scheme)
    }
}
