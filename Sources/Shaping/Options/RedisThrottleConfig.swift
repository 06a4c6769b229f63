/// Which store the nodes of a cluster share their limits in, and how: the options of `kumo.configure_redis_throttles`. *Value.*
///
/// The first options are those of `redis.open`; the others are of this product alone.
package struct RedisThrottleConfig: Sendable, Hashable {
    /// The store.
    package let server: RedisServerConfig
    /// What the names of all keys begin with; clusters with different prefixes know nothing of each other.
    package let prefix: String
    /// What limits do while the store is lost, unless they say it themselves.
    package let onStoreLoss: StoreLoss
    /// How long a node may use its share without the store.
    package let shareTTL: Duration
    /// How long a node may use connection permits without renewing them.
    package let permitTTL: Duration
    /// How long the permits of a node that died stay blocked beyond their lease.
    package let crashHold: Duration
    /// How long a connection permit may be kept while another node waits for it.
    package let quantum: Duration
    /// How many messages a connection permit may be used for while another node waits for it.
    package let quantumMessages: Int
    /// Where the node stands, such as an availability zone.
    package let zone: String?
    /// The `HOST:PORT` at which the other nodes reach the HTTP API of this one.
    package let advertise: String?
    /// For how long the bandwidth of a rate is leased.
    package let horizon: Duration
    /// Over how many hash tags the limits are spread.
    package let buckets: Int
    /// Whether a refused connection proves that Redis does not run, also when it is given by name.
    package let trustsRefusal: Bool
    /// Whether the node starts although the store refuses it or is not fit; it is then as if the store were away.
    package let startsWithoutStore: Bool
    /// The secret with which the nodes of the cluster sign their orders; nil when they do not.
    package let clusterSecret: String?
    /// A file that holds it instead.
    package let clusterSecretFile: String?
    /// A former secret, whose signatures still count.
    package let previousClusterSecret: String?
    /// Whether orders without a signature count although there is a secret.
    package let acceptsUnsignedOrders: Bool

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        server = try RedisServerConfig(read)
        prefix =
            try read.optionalText(
                "prefix", "1 to 64 letters, digits and characters of '._:-'", where: Self.isPrefix) ?? "apus"
        onStoreLoss = try Self.storeLoss(read)
        shareTTL = try read.duration("share_ttl", .seconds(60), in: .seconds(5) ... .seconds(86_400))
        permitTTL = try read.duration("permit_ttl", .seconds(15), in: .seconds(6) ... .seconds(600))
        crashHold = try read.duration("crash_hold", .zero, in: .zero ... .seconds(3600))
        quantum = try read.duration("quantum", .seconds(30), in: .seconds(1) ... .seconds(3600))
        quantumMessages = try read.int("quantum_messages", 100, in: 1...1_000_000)
        zone = try read.optionalText("zone", "a text of 1 to 64 bytes without control characters") {
            TextCheck.isName($0) && $0.utf8.count <= 64
        }
        advertise = try read.optionalText(
            "advertise", "HOST:PORT at which other nodes reach the HTTP API of this one, such as '10.0.0.7:8000'",
            where: Self.isReachable)
        horizon = try read.duration("horizon", .seconds(1), in: .milliseconds(800) ... .seconds(10))
        buckets = try read.int("buckets", 4, in: 1...64)
        trustsRefusal = try read.bool("refused_means_down", false)
        startsWithoutStore = try read.bool("start_without_store", false)
        clusterSecret = try read.optionalText("cluster_secret", "a text of 16 to 1024 bytes", where: Self.isSecret)
        clusterSecretFile = try read.optionalText("cluster_secret_file", "the path of a file") { !$0.isEmpty }
        previousClusterSecret = try read.optionalText("previous_cluster_secret", "a text of 16 to 1024 bytes", where: Self.isSecret)
        acceptsUnsignedOrders =
            try read.optionalText("unsigned_orders", "'refuse' or 'accept'") { $0 == "refuse" || $0 == "accept" } == "accept"
    }

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "redis throttles",
        rules: RedisServerConfig.rules.merging(
            [
                "prefix": .field, "on_store_loss": .field, "share_ttl": .field, "permit_ttl": .field, "crash_hold": .field,
                "quantum": .field, "quantum_messages": .field, "zone": .field, "advertise": .field, "horizon": .field, "buckets": .field,
                "start_without_store": .field, "refused_means_down": .field, "cluster_secret": .field, "cluster_secret_file": .field,
                "previous_cluster_secret": .field, "unsigned_orders": .field,
            ], uniquingKeysWith: { $1 }))

    private static func storeLoss(_ read: OptionReader) throws(ConfigError) -> StoreLoss {
        guard let value = read.value("on_store_loss") else { return .closed }
        guard let text = value.stringValue else { throw read.mustBe("on_store_loss", StoreLoss.accepted, value) }
        do throws(ConfigError) { return try StoreLoss(parsing: text) } catch {
            throw read.schema.fail("on_store_loss", "is wrong: \(error.message)")
        }
    }

    private static func isSecret(_ text: String) -> Bool { (16...1024).contains(text.utf8.count) }

    /// No braces: in a Redis Cluster they would decide where a key lives.
    private static func isPrefix(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x5F || (0x2D...0x2E).contains(byte)
                    || byte == 0x3A
            }
    }

    private static func isReachable(_ text: String) -> Bool {
        guard let pair = HostPort(text), let port = pair.port, port > 0 else { return false }
        return pair.host != "0.0.0.0" && pair.host != "::"
    }
}
