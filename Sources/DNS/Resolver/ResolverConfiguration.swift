/// How a resolver works. *Value.*
package struct ResolverConfiguration: Sendable {
    /// Forwarders, `ip` or `ip@port`; empty: those of resolv.conf.
    package var servers: [String] = []
    /// Records of a test zone, one per entry: `example.com. 60 IN MX 10 mx.example.com.`. When there are any, nothing else
    /// exists and no query leaves the process.
    package var localData: [String] = []
    /// Whether answers from `localData` count as validated.
    package var localDataIsSecure = false
    /// Names for which every lookup fails like a broken server (SERVFAIL).
    package var servfail: Set<String> = []
    /// Names for which every lookup fails like a forged answer.
    package var bogus: Set<String> = []
    /// How long one lookup may take, all retries included.
    package var timeout: Duration = .seconds(15)
    /// Bytes of unbound's message cache; its record cache gets twice as much.
    package var cacheSize = 16 << 20
    /// Longest time it is remembered that something does not exist, whatever the zone says. Whole seconds.
    package var negativeTTL: Duration = .seconds(300)
    /// Lookups handed to unbound at one time.
    package var maxInFlight = 4_096
    /// Lookups that may wait for their turn beyond those.
    package var maxWaiting = 65_536
    /// Where DNSSEC validation starts, as DS or DNSKEY records. Empty: no validation, which is right for forwarders that
    /// strip signatures, as many in clusters do. `rootTrustAnchors` validates from the root.
    package var trustAnchors: [String] = []

    /// The defaults, with the servers of the system.
    package init() {}

    /// The defaults, but for what is given.
    package init(
        servers: [String] = [], localData: [String] = [], timeout: Duration = .seconds(15), cacheSize: Int = 16 << 20
    ) {
        self.servers = servers
        self.localData = localData
        self.timeout = timeout
        self.cacheSize = cacheSize
    }

    /// The keys of the DNS root that IANA publishes (KSK-2017 and KSK-2024).
    package static let rootTrustAnchors = [
        ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    ]
}
