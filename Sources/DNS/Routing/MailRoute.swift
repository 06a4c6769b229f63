package import Platform

/// Where mail for a domain goes. *Value.*
package struct MailRoute: Sendable, Hashable {
    /// One host to try.
    package struct Host: Sendable, Hashable {
        /// The preference of the MX record; lower ones first.
        package var preference: Int
        /// Lower case, without a dot at the end; the text of the address for a literal.
        package var name: String
        /// A port the destination names itself.
        package var port: Int?
        /// An address given with the name, which is then not looked up.
        package var address: HostAddress?

        /// A host of a route.
        package init(preference: Int, name: String, port: Int? = nil, address: HostAddress? = nil) {
            self.preference = preference
            self.name = name
            self.port = port
            self.address = address
        }
    }

    /// Where the hosts come from.
    package enum Kind: Sendable, Hashable {
        case mx
        /// No MX record: the domain is its own host (RFC 5321 5.1).
        case implicit
        case literal(HostAddress)
        /// A list in the policy.
        case list
    }

    /// Names the set of hosts: domains with the same hosts share it.
    package var siteName: String
    /// By preference, then name. Hosts of equal preference are for the caller to shuffle.
    package var hosts: [Host]
    /// Where the hosts come from.
    package var kind: Kind
    /// `.distantFuture`: never.
    package var expires: MonotonicInstant
    /// The MX answer was validated by DNSSEC.
    package var isSecure: Bool

    /// A route to these hosts.
    package init(siteName: String, hosts: [Host], kind: Kind, expires: MonotonicInstant, isSecure: Bool = false) {
        self.siteName = siteName
        self.hosts = hosts
        self.kind = kind
        self.expires = expires
        self.isSecure = isSecure
    }

    /// A fixed list, tried in the order given. The site is `mx_list:a,b`.
    package static func list(_ entries: [(name: String, port: Int?, address: HostAddress?)], isSecure: Bool = false) -> MailRoute {
        let hosts = entries.enumerated().map { index, entry in
            Host(preference: index, name: entry.name, port: entry.port, address: entry.address ?? HostAddress(entry.name))
        }
        let names = hosts.map { host in host.port.map { "\(host.name):\($0)" } ?? host.name }
        return MailRoute(
            siteName: "mx_list:" + names.joined(separator: ","), hosts: hosts, kind: .list, expires: .distantFuture, isSecure: isSecure)
    }

    /// The same hosts on one port; another site, since connections are not shared between ports.
    func on(port: Int) -> MailRoute {
        var route = self
        for index in route.hosts.indices { route.hosts[index].port = port }
        route.siteName += ":\(port)"
        return route
    }
}
