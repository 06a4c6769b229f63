/// A command with its arguments. *Value.*
package struct RedisCommand: Sendable, Equatable {
    /// The command and its arguments.
    package let parts: [[UInt8]]
    /// The part that decides which server of a Redis Cluster runs it; nil when any may.
    package let key: Int?

    /// A command of texts. `key` is the index of the part that decides the slot; nil means any server.
    package init(_ parts: [String], key: Int? = 1) { self.init(bytes: parts.map { Array($0.utf8) }, key: key) }

    /// A command of bytes. `key` is the index of the part that decides the slot; nil means any server.
    package init(bytes: [[UInt8]], key: Int?) {
        parts = bytes
        self.key = key
    }

    /// The key that decides the slot, if one does.
    var routingKey: [UInt8]? { key.flatMap { parts.indices.contains($0) ? parts[$0] : nil } }
}
