package import DNS
import Delivery
import Options
import Platform
import Resources
import Shaping

/// *Value*: how a node is started, from the command line and its environment.
package struct NodeOptions: Sendable {
    /// The policy file.
    package var policyFile: String
    /// Where the spool is when the policy does not say.
    package var spoolDirectory: String?
    /// `ip:port` of the HTTP listener; overrides the policy's.
    package var httpAddress: String?
    /// The user to become once the sockets are bound.
    package var user: String?
    /// The host name; the machine's by default.
    package var hostname: String?
    /// DNS servers and test zones.
    package var resolver = ResolverConfiguration()
    /// The Redis through which limits and control are shared; overrides the policy's.
    package var redisURL: String?
    /// The secret with which nodes sign orders, or the file that holds it; override the policy's.
    package var clusterSecret: String?
    /// The file that holds the secret.
    package var clusterSecretFile: String?
    /// A former secret, whose signatures still count.
    package var previousClusterSecret: String?
    /// Whether orders without a signature count: `accept` or `refuse`; the policy's when nil.
    package var unsignedOrders: String?
    /// The name of this node among the others.
    package var nodeName: String?
    /// Event loops; one per core by default.
    package var loops: Int?
    /// Bytes of message content kept in memory.
    package var residentBytes = 512 << 20

    /// The options of a node that only has a policy.
    package init(policyFile: String) { self.policyFile = policyFile }

    /// The HTTP listener: the policy's, at the address of `--http` when that is given.
    func httpConfig(_ declared: [HTTPListenerConfig]) throws -> HTTPListenerConfig? {
        guard declared.count <= 1 else {
            throw NodeError("start_http_listener is called \(declared.count) times; this version serves one HTTP listener, keep one call")
        }
        guard let httpAddress else { return declared.first }
        var table: [String: ConfigValue] = ["listen": .string(httpAddress)]
        if let policy = declared.first {
            table["trusted_hosts"] = .list(policy.trustedHosts.texts.map { .string($0) })
            table["trusted_names"] = .list(policy.trustedNames.map { .string($0) })
            table["max_connections"] = .integer(Int64(policy.maxConnections))
            if let hostname = policy.hostname { table["hostname"] = .string(hostname) }
            table["request_body_limit"] = .integer(Int64(policy.requestBodyLimit))
            table.merge(policy.content.table) { $1 }
        }
        do { return try HTTPListenerConfig(table) } catch { throw NodeError("--http: \(error)") }
    }
}
