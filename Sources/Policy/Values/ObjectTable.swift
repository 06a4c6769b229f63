import Shaping

/// *value*: numbered handles to the objects Lua may touch now. A handle that was given back never resolves again.
struct ObjectTable {
    enum Object {
        case message(any PolicyMessage)
        case connection(any PolicyConnection)
        /// Of `redis.open`; lives as long as the state.
        case redis(RedisServerConfig)
    }

    private var entries: [(generation: UInt32, object: Object?)] = []
    private var free: [Int] = []

    /// Live handles.
    var count: Int { entries.count - free.count }

    mutating func insert(_ object: Object) -> UInt64 {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            entries[slot].object = object
        } else {
            slot = entries.count
            entries.append((1, object))
        }
        return UInt64(entries[slot].generation) << 32 | UInt64(slot)
    }

    subscript(handle: UInt64) -> Object? {
        let slot = Int(handle & 0xffff_ffff)
        guard slot < entries.count, entries[slot].generation == UInt32(truncatingIfNeeded: handle >> 32) else { return nil }
        return entries[slot].object
    }

    mutating func remove(_ handle: UInt64) {
        let slot = Int(handle & 0xffff_ffff)
        guard slot < entries.count, entries[slot].generation == UInt32(truncatingIfNeeded: handle >> 32) else { return }
        entries[slot] = (entries[slot].generation &+ 1, nil)
        free.append(slot)
    }
}
