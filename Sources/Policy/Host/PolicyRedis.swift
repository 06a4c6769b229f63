package import Shaping

/// *value*: a command of `conn:query`.
package struct PolicyRedisRequest: Sendable, Equatable {
    /// What the connection was opened with; equal values may share a client.
    package let server: RedisServerConfig
    /// The name of the command and its arguments; at least one, bounded by `PolicyLimits`. Never a command that changes or blocks the
    /// connection, which handlers share.
    package let parts: [[UInt8]]
    /// Which part decides where the command goes in a Redis Cluster; nil when it has no key.
    package let keyIndex: Int?
    /// How long the answer may take.
    package let timeout: Duration

    /// Makes a request.
    package init(server: RedisServerConfig, parts: [[UInt8]], keyIndex: Int?, timeout: Duration) {
        self.server = server
        self.parts = parts
        self.keyIndex = keyIndex
        self.timeout = timeout
    }
}

/// *value*: what Redis answered.
package indirect enum PolicyRedisReply: Sendable, Equatable {
    case null
    case integer(Int64)
    /// Bulk and simple strings.
    case bytes([UInt8])
    /// An error of the server: raised in Lua; inside a list it becomes a table `{ err = text }`.
    case error(String)
    case list([PolicyRedisReply])
}

extension PolicyRedisReply {
    /// Why the reply is too much for Lua; nil when it is not.
    func problem(bytes: Int, nodes: Int, depth: Int) -> String? {
        var (bytes, nodes) = (bytes, nodes)
        return spend(&bytes, &nodes, depth)
    }

    private func spend(_ bytes: inout Int, _ nodes: inout Int, _ depth: Int) -> String? {
        nodes -= 1
        bytes -= 16
        switch self {
        case .null, .integer: break
        case .bytes(let value): bytes -= value.count
        case .error(let text): bytes -= text.utf8.count
        case .list(let items):
            guard depth > 0 else { return "the reply is nested too deeply" }
            for item in items {
                if let problem = item.spend(&bytes, &nodes, depth - 1) { return problem }
            }
        }
        if bytes < 0 { return "the reply has too many bytes" }
        return nodes < 0 ? "the reply has too many parts" : nil
    }

    /// Writes it for Lua.
    func write(_ writer: ValueWriter) {
        switch self {
        case .null: writer.null()
        case .integer(let value): writer.integer(value)
        case .bytes(let value): writer.bytes(value)
        case .error(let text):
            writer.table(count: 1)
            writer.key("err")
            writer.string(text)
        case .list(let items):
            writer.list(count: items.count)
            for item in items { item.write(writer) }
        }
    }
}
