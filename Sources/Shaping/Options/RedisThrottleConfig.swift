package import Options

/// Which store the nodes of a cluster share their limits in, and how: the options of `kumo.configure_redis_throttles`. *Value.*
///
/// The first options are those of `redis.open`; the others are of this product alone.
package struct RedisThrottleConfig: OptionTable, Hashable {
    /// The store.
    package var server = RedisServerConfig()
    /// What the names of all keys begin with; clusters with different prefixes know nothing of each other.
    package var prefix = "apus"
    /// What limits do while the store is lost, unless they say it themselves.
    package var onStoreLoss = StoreLoss.closed
    /// How long a node may use its share without the store.
    package var shareTTL = Duration.seconds(60)
    /// How long a node may use connection permits without renewing them.
    package var permitTTL = Duration.seconds(15)
    /// How long the permits of a node that died stay blocked beyond their lease.
    package var crashHold = Duration.zero
    /// How long a connection permit may be kept while another node waits for it.
    package var quantum = Duration.seconds(30)
    /// How many messages a connection permit may be used for while another node waits for it.
    package var quantumMessages = 100
    /// Where the node stands, such as an availability zone.
    package var zone: String?
    /// The `HOST:PORT` at which the other nodes reach the HTTP API of this one.
    package var advertise: String?
    /// For how long the bandwidth of a rate is leased.
    package var horizon = Duration.seconds(1)
    /// Over how many hash tags the limits are spread.
    package var buckets = 4
    /// Whether a refused connection proves that Redis does not run, also when it is given by name.
    package var trustsRefusal = false
    /// Whether the node starts although the store refuses it or is not fit; it is then as if the store were away.
    package var startsWithoutStore = false
    /// The secret with which the nodes of the cluster sign their orders; nil when they do not.
    package var clusterSecret: String?
    /// A file that holds it instead.
    package var clusterSecretFile: String?
    /// A former secret, whose signatures still count.
    package var previousClusterSecret: String?
    private var unsignedOrders = UnsignedOrders.refuse

    /// The defaults.
    package init() {}

    /// Whether orders without a signature count although there is a secret.
    package var acceptsUnsignedOrders: Bool { unsignedOrders == .accept }

    /// What becomes of orders without a signature. *Value.*
    private enum UnsignedOrders: String, CaseIterable { case refuse, accept }

    /// Every name of the table: those of the store, and these.
    package static let options = OptionList<RedisThrottleConfig>("redis throttles") {
        RedisServerConfig.options.under(\.server)
        ownOptions.options
    }

    /// The names that `redis.open` does not have.
    package static let ownOptions = OptionList<RedisThrottleConfig>("redis throttles") {
        OptionRow(
            "prefix", \.prefix,
            .text("1 to 64 letters, digits and characters of '._:-'", values: "letters, digits, `._:-`", where: isPrefix),
            "what keys in Redis begin with; clusters with different prefixes know nothing of each other")
        OptionRow(
            "on_store_loss", \.onStoreLoss, .storeLoss,
            "what follows when `share_ttl` is over and Redis may still serve others: nothing (`closed`), the last `share` for ever, the whole "
                + "limit on each node (`local`), or so much on each node (`floor`). All but `closed` can exceed the limit. For connections it is "
                + "what was leased last, one per limit (`floor`), or the whole limit (`local`)")
        OptionRow("share_ttl", \.shareTTL, .duration(.seconds(5) ... .seconds(86_400)), "how long a node may use its share without Redis")
        OptionRow(
            "permit_ttl", \.permitTTL, .duration(.seconds(6) ... .seconds(600)),
            "how long a node may use connection permits without Redis; those of a node that died come free after it. Below 9 s there are "
                + "gaps: permits are renewed every 5 s and used until 3 s before the end")
        OptionRow(
            "crash_hold", \.crashHold, .duration(.zero ... .seconds(3600)),
            "how much longer they stay blocked, for peers that notice late that a connection is dead")
        OptionRow(
            "quantum", \.quantum, .duration(.seconds(1) ... .seconds(3600)),
            "how long a connection permit may be kept while another node waits for it")
        OptionRow(
            "quantum_messages", \.quantumMessages, .int(1...1_000_000),
            "for how many messages it may be used while another node waits for it")
        OptionRow(
            "horizon", \.horizon, .duration(.milliseconds(800) ... .seconds(10)),
            "for how long the bandwidth of a rate is leased; how soon that of a node that died is free")
        OptionRow(
            "buckets", \.buckets, .int(1...64),
            "over how many hash tags (shards of a Redis Cluster) the limits are spread; the same on all nodes")
        OptionRow(
            "refused_means_down", \.trustsRefusal, .bool,
            "a refused connection to a Redis given by *name* proves that it does not run; to a literal address it always does "
                + "([what follows](cluster.md#redis-died-its-host-refuses-connections))")
        OptionRow(
            "start_without_store", \.startsWithoutStore, .bool,
            "start although Redis refuses the node or is [not fit for limits](redis.md#what-the-check-at-the-start-says)")
        OptionRow(
            "cluster_secret", \.clusterSecret, .secret,
            "sign orders with this secret, and refuse those that are not signed with it ([why and how](redis.md#signed-orders)). "
                + "`APUS_CLUSTER_SECRET` goes first")
        OptionRow(
            "cluster_secret_file", \.clusterSecretFile, .text("the path of a file", values: "path") { !$0.isEmpty },
            "a file that holds it; `APUS_CLUSTER_SECRET_FILE` goes first")
        OptionRow(
            "previous_cluster_secret", \.previousClusterSecret, .secret,
            "a former secret whose signatures still count; `APUS_PREVIOUS_CLUSTER_SECRET`")
        OptionRow(
            "unsigned_orders", \.unsignedOrders, .choice,
            "whether orders without a signature count, while the secret is introduced; `APUS_UNSIGNED_ORDERS`")
        OptionRow(
            "zone", \.zone,
            .text("a text of 1 to 64 bytes without control characters", values: "1 to 64 bytes") {
                TextCheck.isName($0) && $0.utf8.count <= 64
            }, "where the node stands, shown in the list of members")
        OptionRow(
            "advertise", \.advertise,
            .text(
                "HOST:PORT at which other nodes reach the HTTP API of this one, such as '10.0.0.7:8000'", values: "HOST:PORT",
                where: isReachable), "where the other nodes reach the HTTP API of this one")
    }

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

extension OptionKind where Value == String {
    /// A secret. Never repeated in an error.
    fileprivate static var secret: OptionKind {
        OptionKind("a text of 16 to 1024 bytes", values: "16 to 1024 bytes", text: { _ in "" }) { value, reader, name throws(ConfigError) in
            guard let text = value.stringValue, (16...1024).contains(text.utf8.count) else {
                throw reader.fail(name, "must be a text of 16 to 1024 bytes")
            }
            return text
        }
    }
}
