/// What a check of the servers found. *Value.*
package struct RedisReport: Sendable, Equatable {
    /// *Value.* One server.
    package struct Server: Sendable, Equatable {
        /// The server.
        package let endpoint: RedisEndpoint
        /// Its version; nil when it does not say.
        package var version: String?
        /// `master` or `slave`, as it says.
        package var role: String?
        /// Which run of the server it is.
        package var runID: String?
        /// The bytes it may use; 0 for no limit.
        package var maxmemory: Int64?
        /// What it does when they are used up.
        package var maxmemoryPolicy: String?
    }

    /// The masters that were looked at; one unless it is a Redis Cluster.
    package var servers: [Server] = []
    /// What makes a server unusable or unsafe, each a sentence with the remedy.
    package var problems: [String] = []
    /// Whether a server could not be reached at all: it may just be down.
    package var isUnreachable = false
    /// What should be looked at.
    package var warnings: [String] = []

    /// Whether the servers can be used.
    package var isUsable: Bool { problems.isEmpty }
    /// The version of the first server.
    package var version: String? { servers.first?.version }
    /// The role of the first server.
    package var role: String? { servers.first?.role }
    /// The run id of the first server.
    package var runID: String? { servers.first?.runID }
    /// The eviction policy of the first server.
    package var maxmemoryPolicy: String? { servers.first?.maxmemoryPolicy }

    /// Commands whose permission a check asks for: those scripts and clients of this product use. They are queued by MULTI and discarded,
    /// so nothing is executed.
    package static func probes(key: String, channel: String) -> [RedisCommand] {
        let digest = String(repeating: "0", count: 40)
        return [
            RedisCommand(["EVALSHA", digest, "1", key], key: 3), RedisCommand(["EVAL", "return 1", "1", key], key: 3),
            RedisCommand(["TIME"], key: nil), RedisCommand(["GET", key]), RedisCommand(["SET", key, "0"]), RedisCommand(["DEL", key]),
            RedisCommand(["EXISTS", key]), RedisCommand(["PEXPIRE", key, "1"]),
            RedisCommand(["HGET", key, "f"]), RedisCommand(["HMGET", key, "f"]), RedisCommand(["HSET", key, "f", "0"]),
            RedisCommand(["HDEL", key, "f"]), RedisCommand(["HGETALL", key]), RedisCommand(["HLEN", key]),
            RedisCommand(["HSCAN", key, "0"]), RedisCommand(["XREVRANGE", key, "+", "-"]), RedisCommand(["XLEN", key]),
            RedisCommand(["XADD", key, "*", "f", "0"]), RedisCommand(["XRANGE", key, "-", "+"]),
            RedisCommand(["PUBLISH", channel, "0"], key: nil),
        ]
    }
}
