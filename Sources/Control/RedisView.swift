package import Client
package import Cluster
import Delivery
import Resources
import Shaping
import Synchronization

/// *Shared*: the view of a node in a cluster: the members and limits as Redis has them.
package final class RedisView: ClusterView {
    private let cluster: Cluster
    private let node: String
    private let hostname: String
    private let isAdvertised: Bool
    /// What is counted on this node only, and what the view says before the first heartbeat.
    private let own: SingleNodeView

    /// - Parameter isAdvertised: whether the policy says where other nodes reach the HTTP API.
    package init(cluster: Cluster, node: String, hostname: String, isAdvertised: Bool, own: SingleNodeView) {
        self.cluster = cluster
        self.node = node
        self.hostname = hostname
        self.isAdvertised = isAdvertised
        self.own = own
    }

    package func announce(address: String) {
        own.announce(address: address)
        guard !isAdvertised else { return }
        // Every address is none: others need a name.
        var reachable = address
        for wildcard in ["0.0.0.0:", "[::]:", ":::"] where address.hasPrefix(wildcard) {
            reachable = "\(hostname):\(address.dropFirst(wildcard.count))"
        }
        cluster.membership.update { [reachable] in $0.address = reachable }
    }

    package func members() -> [MemberRecord] {
        let members = cluster.membership.members
        // Before the first answer, and when the store has lost the record: this node is there all the same.
        return members.contains { $0.node == node } ? members : members + own.members()
    }

    package func forget(node: String) async -> Bool {
        await withCheckedContinuation { done in cluster.membership.forget(node) { done.resume(returning: $0) } }
    }

    package func limits(cluster isWhole: Bool) async -> [LimitStatus] {
        let snapshot = cluster.limits.snapshot(now: Clock.monotonic())
        let holders = isWhole ? await cluster.holders(of: snapshot) : []
        var byKey: [String: LimitHolders] = [:]
        for holder in holders { byKey["\(holder.isConnections)\(holder.limit.name)"] = holder }
        return snapshot.map { status($0, byKey["\($0.isConnections)\($0.key.name)"]) }
    }

    private func status(_ limit: LimitSnapshot, _ holders: LimitHolders?) -> LimitStatus {
        let parts =
            holders?.parts.map { part in
                LimitStatus.Holder(
                    node: part.node, has: Int(part.has.rounded()), wants: part.wants.map { Int($0.rounded()) } ?? -1,
                    waitsSeconds: part.waitsSeconds)
            } ?? []
        let used = holders.map { $0.logged.map(Double.init) ?? $0.parts.map(\.has).reduce(0, +) } ?? limit.used
        let waits = limit.waitsSeconds
        return LimitStatus(
            limit: limit.key.name, kind: limit.isConnections ? "connections" : "rate", value: limit.value, used: Int(used.rounded()),
            held: Int(limit.held.rounded()), wants: waits == nil ? limit.inUse : max(limit.inUse + 1, Int(limit.held.rounded())),
            waiting: holders == nil ? (waits == nil ? 0 : 1) : parts.count { $0.waitsSeconds > 0 || $0.wants < 0 || $0.wants > $0.has },
            mode: limit.mode.rawValue, share: limit.share, nodes: parts)
    }
}
