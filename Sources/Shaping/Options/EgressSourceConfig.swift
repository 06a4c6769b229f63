package import Options
import Platform

/// Where connections come from: the local address and the name said in EHLO. *Value.*
package struct EgressSourceConfig: OptionTable {
    /// The name of the source.
    package var name = "unspecified"
    /// The local address to bind; nil lets the system choose.
    package var sourceAddress: String?
    /// The name to say in EHLO.
    package var ehloDomain: String?
    /// A port of the peer that goes before the port of the path.
    package var remotePort: Int?
    /// How long this configuration holds.
    package var ttl = Duration.seconds(60)

    /// The defaults.
    package init() {}

    /// The source that is used when the policy names none.
    package static let unspecified = EgressSourceConfig()

    /// Every name of the table.
    package static let options = OptionList<EgressSourceConfig>("egress source") {
        OptionRow.required("name", \.name, .name, "the name that pools use")
        OptionRow(
            "source_address", \.sourceAddress,
            .text("an IP address such as '192.0.2.1' or '2001:db8::1'", values: "IP address") { HostAddress($0) != nil },
            none: "the system's choice", "the local address that connections come from")
        OptionRow("ehlo_domain", \.ehloDomain, .helloDomain, none: "the host's name", "said in EHLO, unless the path says another")
        OptionRow("remote_port", \.remotePort, .int(1...65535), none: "the path's `smtp_port`", "the port of the peer")
        OptionRow.unsupported(
            "ha_proxy_server", "ha_proxy_source_address", "socks5_proxy_server", "socks5_proxy_source_address", "socks5_proxy_username",
            "socks5_proxy_password", "suspend_when_unplumbed", "suspend_when_proxy_unhealthy")
        OptionRow("ttl", \.ttl, .duration, "no effect: sources are asked for again with their queue")
    }
}
