/// Which addresses of a host are used. *Value*; the raw value is its name in a policy.
package enum IPLookupStrategy: String, Sendable, Hashable, CaseIterable {
    case ipv4AndIPv6 = "Ipv4AndIpv6"
    case ipv4Only = "Ipv4Only"
    case ipv6Only = "Ipv6Only"
    case ipv6ThenIPv4 = "Ipv6ThenIpv4"
    case ipv4ThenIPv6 = "Ipv4ThenIpv6"
}
