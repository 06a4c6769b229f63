extension EgressPathConfig {
    /// What is wanted of TLS. *Value.*
    package enum TLSMode: String, Sendable, Hashable, CaseIterable {
        /// Use it where it is offered, with a valid certificate.
        case opportunistic = "Opportunistic"
        /// Use it where it is offered, with any certificate.
        case opportunisticInsecure = "OpportunisticInsecure"
        /// Never without a valid certificate.
        case required = "Required"
        /// Never without encryption, with any certificate.
        case requiredInsecure = "RequiredInsecure"
        /// Never.
        case disabled = "Disabled"
    }

    /// Which address families are used, in which order. *Value.*
    package enum IPLookupStrategy: String, Sendable, Hashable, CaseIterable {
        /// Both, mixed.
        case ipv4AndIPv6 = "Ipv4AndIpv6"
        /// IPv4 alone.
        case ipv4Only = "Ipv4Only"
        /// IPv6 alone.
        case ipv6Only = "Ipv6Only"
        /// IPv6 first.
        case ipv6ThenIPv4 = "Ipv6ThenIpv4"
        /// IPv4 first.
        case ipv4ThenIPv6 = "Ipv4ThenIpv6"
    }

    /// What to do after the peer dropped a connection. *Value.*
    package enum ReconnectStrategy: String, Sendable, Hashable, CaseIterable {
        /// Go on with the next host.
        case connectNextHost = "ConnectNextHost"
        /// Connect to the same host again.
        case reconnectSameHost = "ReconnectSameHost"
        /// Give the connection up.
        case terminateSession = "TerminateSession"
    }
}
