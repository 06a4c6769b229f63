/// *value*: what one Lua state may use.
package struct PolicyLimits: Sendable {
    /// Bytes of Lua heap.
    package var memory: Int = 256 << 20
    /// Bytes of one Lua string; a table may take four times as many. Lua can not pause within an instruction, and this bounds them.
    package var stringBytes: Int = 32 << 20
    /// Running (not waiting) time of one call: processor time of the thread, so a machine that was paused fails no handler.
    package var runningTime: Duration = .seconds(2)
    /// Running time of the policy's top level, and of each handler of `pre_init` and `init`.
    package var loadingTime: Duration = .seconds(10)
    /// After this much running time a handler pauses, so that its loop can do other things; zero: never.
    package var slice: Duration = .milliseconds(1)
    /// Running time at a stretch where Lua can not pause: in what a library function of C calls back.
    package var holdTime: Duration = .milliseconds(100)
    /// Handlers that wait at the same time.
    package var suspendedCalls: Int = 10_000
    /// Nesting of one converted value, at most 100.
    package var valueDepth: Int = 64
    /// Bytes of one converted value.
    package var valueBytes: Int = 64 << 20
    /// Scalars and tables in one converted value.
    package var valueNodes: Int = 250_000
    /// Bytes of a JSON text that a handler parses; 16 MiB while the policy loads.
    package var jsonBytes: Int = 1 << 20
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
