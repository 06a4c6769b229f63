internal import Redis

/// One entry as it stands in the store: `version node event {json}`. The first words are what the scripts look at; `event` is the one in
/// the stream that tells of it. *Value.*
struct StoredEntry: Sendable, Equatable {
    /// The place in the order of changes that the value claims; nil when even that cannot be read.
    var stamp: ControlStamp?
    /// The entry; nil when it cannot be read or does not agree with its stamp or its field.
    var entry: ControlEntry?
    /// The JSON as it stands in the store, with its seal if it has one.
    var json: ArraySlice<UInt8> = []
    /// The hash field it was read from, if that is known.
    var field = ""
    /// It was readable, and nobody of this cluster has signed it.
    var isRefused = false

    /// Reads a value of the store.
    init(_ value: RedisValue) {
        guard case .bytes(let bytes) = value else { return }
        let parts = bytes.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let version = Int64(String(decoding: parts[0], as: UTF8.self)), version > 0,
            version <= ControlBounds.version
        else { return }
        let stamp = ControlStamp(version: version, node: String(decoding: parts[1], as: UTF8.self))
        guard ControlEntry.isName(stamp.node, most: ControlBounds.nodeBytes) else { return }
        self.stamp = stamp
        json = parts[3]
        guard let read = ControlEntry(json: parts[3]), read.stamp == stamp else { return }
        entry = read
    }

    /// The same, of the hash field `id`.
    init(_ value: RedisValue, field id: String) {
        self.init(value)
        field = id
        if entry?.id != id { entry = nil }
    }
}
