/// Which server serves which slot of a Redis Cluster. *State machine*: replies and redirections go in.
struct ClusterTopology: Equatable {
    /// Servers a reply may name; more are no cluster but an attack.
    static let maxServers = 1_024

    /// The masters.
    private(set) var servers: [RedisEndpoint]
    /// For each slot the index in `servers`; -1 where nobody serves it.
    private var slots: [Int16]

    /// Reads the reply to CLUSTER SLOTS; nil when it is none, or names no server. `server` is the one that answered.
    init?(_ reply: RedisValue, from server: RedisEndpoint) {
        guard let ranges = reply.array, !ranges.isEmpty else { return nil }
        servers = []
        slots = Array(repeating: -1, count: KeySlot.count)
        var indices: [RedisEndpoint: Int16] = [:]
        for range in ranges {
            guard let parts = range.array, parts.count >= 3, let first = parts[0].integer, let last = parts[1].integer,
                first >= 0, first <= last, last < Int64(KeySlot.count), let node = parts[2].array, node.count >= 2,
                let port = node[1].integer
            else { return nil }
            // An unknown host is told as null, empty or a question mark: then it is the one that was asked.
            let host = node[0].text ?? ""
            guard let endpoint = RedisEndpoint.told(host: host.isEmpty || host == "?" ? server.host : host, port: port) else { continue }
            if indices[endpoint] == nil {
                guard servers.count < Self.maxServers else { return nil }
                indices[endpoint] = Int16(servers.count)
                servers.append(endpoint)
            }
            guard let index = indices[endpoint] else { continue }
            for slot in Int(first)...Int(last) { slots[slot] = index }
        }
        if servers.isEmpty { return nil }
    }

    /// Who serves the slot.
    func server(of slot: Int) -> RedisEndpoint? {
        guard slots.indices.contains(slot), slots[slot] >= 0 else { return nil }
        return servers[Int(slots[slot])]
    }

    /// A server says that the slot is elsewhere.
    mutating func moved(_ slot: Int, to endpoint: RedisEndpoint) {
        guard slots.indices.contains(slot) else { return }
        if let index = servers.firstIndex(of: endpoint) {
            slots[slot] = Int16(index)
        } else if servers.count < Self.maxServers {
            servers.append(endpoint)
            slots[slot] = Int16(servers.count - 1)
        }
    }

    /// How many slots somebody serves.
    var covered: Int { slots.count { $0 >= 0 } }
}
