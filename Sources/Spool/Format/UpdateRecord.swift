/// The payload of an update: the whole mutable state, so that only the latest one counts. *value*.
struct UpdateRecord {
    var attempts: Int
    var due: Int64
    var lastReply: String
    /// nil: as in the message record.
    var queue: String?
    /// nil: as in the message record.
    var meta: [(key: String, value: String)]?

    func encode(into buffer: RecordBuffer) {
        buffer.append(UInt32(clamping: attempts))
        buffer.append(UInt32((queue == nil ? 0 : 1) | (meta == nil ? 0 : 2)))
        buffer.append(due)
        buffer.append(text: lastReply)
        if let queue { buffer.append(text: queue) }
        if let meta { SpoolEnvelope.encode(meta: meta, into: buffer) }
    }

    static func decode(_ payload: UnsafeRawBufferPointer) -> UpdateRecord? {
        var reader = ByteReader(payload)
        guard let attempts = reader.integer(UInt32.self), let flags = reader.integer(UInt32.self), flags <= 3,
            let due = reader.integer(Int64.self), let lastReply = reader.text()
        else { return nil }
        var record = UpdateRecord(attempts: Int(attempts), due: due, lastReply: lastReply)
        if flags & 1 != 0 {
            guard let queue = reader.text() else { return nil }
            record.queue = queue
        }
        if flags & 2 != 0 {
            guard let meta = SpoolEnvelope.decodeMeta(&reader) else { return nil }
            record.meta = meta
        }
        return reader.remaining == 0 ? record : nil
    }

    var encodedSize: Int {
        var size = 20 + lastReply.utf8.count + (queue.map { 4 + $0.utf8.count } ?? 0)
        if let meta {
            size += 4
            for (key, value) in meta { size += 8 + key.utf8.count + value.utf8.count }
        }
        return size
    }

    /// Keeps what an earlier update changed and this one leaves alone.
    mutating func inherit(from earlier: UpdateRecord) {
        if queue == nil { queue = earlier.queue }
        if meta == nil { meta = earlier.meta }
    }
}
