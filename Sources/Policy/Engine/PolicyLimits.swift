/// *value*: what one Lua state may use.
package struct PolicyLimits: Sendable {
    /// Bytes of Lua heap.
    package var memory: Int = 256 << 20
    /// Running (not waiting) time of one call.
    package var runningTime: Duration = .seconds(10)
    /// Handlers that wait at the same time.
    package var suspendedCalls: Int = 10_000
    /// Nesting of one converted value, at most 100.
    package var valueDepth: Int = 64
    /// Bytes of one converted value.
    package var valueBytes: Int = 64 << 20
    /// Scalars and tables in one converted value.
    package var valueNodes: Int = 250_000
    /// Of `http.get` and `http.post`, unless the policy gives one.
    package var httpTimeout: Duration = .seconds(30)
    /// Bytes of an HTTP response handed to Lua.
    package var httpResponseBytes: Int = 16 << 20
    /// Different connections of `redis.open`.
    package var redisConnections: Int = 32
    /// Parts of one Redis command, its name included.
    package var redisParts: Int = 1024
    /// Bytes of one Redis command.
    package var redisCommandBytes: Int = 1 << 20
    /// Bytes of a Redis reply handed to Lua; each of its parts counts 16 more.
    package var redisReplyBytes: Int = 16 << 20
    /// Of `conn:query`, unless the policy gives a `response_timeout`.
    package var redisTimeout: Duration = .seconds(5)

    /// The defaults.
    package init() {}
}

/// *value*: whether this state declares listeners and runs `init`, or only answers events.
package enum PolicyRole: Sendable {
    case primary
    case replica
}
