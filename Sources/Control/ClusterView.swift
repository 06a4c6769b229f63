package import Client
package import Cluster

/// What a node can say about the cluster it is in. *Shared.*
///
/// A node alone has `SingleNodeView`; a cluster brings its own.
package protocol ClusterView: Sendable {
    /// The nodes as far as known, this one included.
    func members() -> [MemberRecord]
    /// The limits in use: of this node, or as far as the cluster knows them.
    func limits(cluster: Bool) async -> [LimitStatus]
    /// Forgets a node that will not come back.
    /// False when the node lives, or nobody could be asked.
    func forget(node: String) async -> Bool
    /// The HTTP API of this node answers at this address (`host:port`) from now on.
    func announce(address: String)
}

extension ClusterView {
    /// Nobody to tell.
    package func announce(address: String) {}
}
