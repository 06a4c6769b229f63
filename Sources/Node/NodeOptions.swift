package import DNS
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
    /// Event loops; one per core by default.
    package var loops: Int?
    /// Bytes of message content kept in memory.
    package var residentBytes = 512 << 20

    package init(policyFile: String) { self.policyFile = policyFile }

    var httpConfig: HTTPListenerConfig? {
        get throws {
            guard let httpAddress else { return nil }
            do { return try HTTPListenerConfig(["listen": .string(httpAddress)]) } catch { throw NodeError("--http: \(error.message)") }
        }
    }
}
