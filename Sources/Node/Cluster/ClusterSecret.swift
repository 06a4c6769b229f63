import Cluster
import Delivery
import Resources
import Shaping
import Telemetry

/// *Value*: where the secret of the cluster comes from: the environment, else the policy.
///
/// *Diagnostics*: a file that cannot be read, or a secret that is too short, ends the start with one sentence. Neither is shown in it.
struct ClusterSecret {
    private let text: String?
    private let file: String?
    private let previous: String?
    private let acceptsUnsigned: Bool

    init(_ config: RedisThrottleConfig, _ options: NodeOptions) throws(NodeError) {
        let isGiven = options.clusterSecret != nil || options.clusterSecretFile != nil
        text = isGiven ? options.clusterSecret : config.clusterSecret
        file = isGiven ? options.clusterSecretFile : config.clusterSecretFile
        previous = options.previousClusterSecret ?? config.previousClusterSecret
        switch options.unsignedOrders {
        case nil: acceptsUnsigned = config.acceptsUnsignedOrders
        case "accept"?: acceptsUnsigned = true
        case "refuse"?: acceptsUnsigned = false
        case let other?: throw NodeError("APUS_UNSIGNED_ORDERS is '\(other)'; it must be 'accept' or 'refuse'")
        }
        if text != nil, file != nil { throw NodeError("the cluster secret is given twice, as a text and as a file; keep one of them") }
    }

    /// The seal; nil without a secret.
    func seal(prefix: String) throws(NodeError) -> OrderSeal? {
        var secret = text
        if let file { secret = try Self.read(file) }
        guard let secret else {
            if previous != nil { throw NodeError("a previous cluster secret is given without a present one; give cluster_secret too") }
            Log.warn(
                "orders of the cluster are not signed: whoever can write to Redis can suspend and bounce mail; set a cluster secret "
                    + "(docs/redis.md)")
            return nil
        }
        for secret in [secret, previous] {
            guard let secret, secret.utf8.count < OrderSeal.leastBytes else { continue }
            throw NodeError("the cluster secret is shorter than \(OrderSeal.leastBytes) bytes; make one with `openssl rand -hex 32`")
        }
        if acceptsUnsigned {
            Log.warn("orders without a signature are accepted; set unsigned_orders = 'refuse' once every node has the cluster secret")
        }
        return OrderSeal(secret: secret, previous: previous, prefix: prefix, acceptsUnsigned: acceptsUnsigned)
    }

    private static func read(_ path: String) throws(NodeError) -> String {
        guard var text = try FileText.read(path) else {
            throw NodeError("cannot read the cluster secret: there is no file \(path)")
        }
        while let last = text.last, last.isNewline { text.removeLast() }
        return text
    }
}
