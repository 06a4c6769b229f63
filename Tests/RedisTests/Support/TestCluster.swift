import RedisFixture
import TestSupport
import Testing

@testable import Redis

/// A real Redis Cluster on loopback: some masters with all the slots, perhaps replicas of the first one. *Shared*: constant.
final class TestCluster: Sendable {
    let masters: [RedisServer]
    let replicas: [RedisServer]

    init(masters count: Int = 3, replicas: Int = 0) async throws {
        let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0"]
        var servers: [RedisServer] = []
        for _ in 0..<(count + replicas) { servers.append(try await RedisServer(options)) }
        masters = Array(servers[..<count])
        self.replicas = Array(servers[count...])
        for (index, server) in masters.enumerated() {
            let first = KeySlot.count * index / count
            let last = KeySlot.count * (index + 1) / count - 1
            try server.command(["CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)"])
            try server.command(["CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(last)"])
        }
        for server in servers.dropFirst() { try servers[0].command(["CLUSTER", "MEET", "127.0.0.1", "\(server.port)"]) }
        try await expectEventually("the cluster is complete") {
            try servers.allSatisfy {
                let text = try $0.command(["CLUSTER", "INFO"])
                return text.contains("cluster_known_nodes:\(servers.count)\r\n") && text.contains("cluster_state:ok")
            }
        }
        let first = try masters[0].nodeID
        for replica in self.replicas { try replica.command(["CLUSTER", "REPLICATE", first]) }
        for replica in self.replicas {
            try await expectEventually("the replica is in step") {
                try replica.command(["INFO", "replication"]).contains("master_link_status:up")
            }
        }
    }

    /// `redis-cluster://`, with all masters.
    var url: String { "redis-cluster://" + masters.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") }

    /// The master that has the key as the cluster was made.
    func home(_ key: String) -> Int { min(masters.count - 1, (KeySlot.of(key) * masters.count + masters.count - 1) / KeySlot.count) }
}

extension RedisServer {
    /// Its name in the cluster.
    var nodeID: String {
        get throws { String(try command(["CLUSTER", "MYID"]).split(separator: "\r\n")[1]) }
    }

    /// Its run id, asked for directly.
    var runIDNow: String {
        get throws {
            let line = try command(["INFO", "server"]).split(separator: "\r\n").first { $0.hasPrefix("run_id:") }
            return String((line ?? "").dropFirst(7))
        }
    }
}
