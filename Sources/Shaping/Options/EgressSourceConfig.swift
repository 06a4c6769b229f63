import Platform

/// Where connections come from: the local address and the name said in EHLO. *Shared* (immutable).
package final class EgressSourceConfig: Sendable, Equatable {
    /// The name of the source.
    package let name: String
    /// The local address to bind; nil lets the system choose.
    package let sourceAddress: String?
    /// The name to say in EHLO.
    package let ehloDomain: String?
    /// A port of the peer that goes before the port of the path.
    package let remotePort: Int?
    /// How long this configuration holds.
    package let ttl: Duration

    /// The source that is used when the policy names none.
    package static let unspecified: EgressSourceConfig = {
        do throws(ConfigError) {
            return try EgressSourceConfig(["name": "unspecified"])
        } catch {
            preconditionFailure(error.message)
        }
    }()

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        name = try read.name("name")
        sourceAddress = try read.optionalText(
            "source_address", "an IP address such as '192.0.2.1' or '2001:db8::1'", where: { HostAddress($0) != nil })
        ehloDomain = try read.optionalHelloDomain("ehlo_domain")
        remotePort = try read.optionalInt("remote_port", in: 1...65535)
        ttl = try read.duration("ttl", .seconds(60))
    }

    /// Whether two configurations say the same.
    package static func == (a: EgressSourceConfig, b: EgressSourceConfig) -> Bool {
        a === b
            || (a.name, a.sourceAddress, a.ehloDomain, a.remotePort, a.ttl)
                == (b.name, b.sourceAddress, b.ehloDomain, b.remotePort, b.ttl)
    }

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "egress source",
        rules: [
            "name": .field,
            "source_address": .field,
            "ehlo_domain": .field,
            "remote_port": .field,
            "ha_proxy_server": .unsupported(),
            "ha_proxy_source_address": .unsupported(),
            "socks5_proxy_server": .unsupported(),
            "socks5_proxy_source_address": .unsupported(),
            "socks5_proxy_username": .unsupported(),
            "socks5_proxy_password": .unsupported(),
            "suspend_when_unplumbed": .unsupported(),
            "suspend_when_proxy_unhealthy": .unsupported(),
            "ttl": .field,
        ])
}
