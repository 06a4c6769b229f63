/// The envelope on disk: fixed fields first, then the texts recovery needs, then the rest.
extension SpoolEnvelope {
    func encode(into buffer: RecordBuffer) {
        buffer.append(created)
        buffer.append(due)
        buffer.append(expires)
        buffer.append(UInt32(clamping: attempts))
        buffer.append(text: queue)
        buffer.append(text: lastReply)
        buffer.append(text: sender)
        buffer.append(UInt32(recipients.count))
        for recipient in recipients { buffer.append(text: recipient) }
        Self.encode(meta: meta, into: buffer)
    }

    static func encode(meta: [(key: String, value: String)], into buffer: RecordBuffer) {
        buffer.append(UInt32(meta.count))
        for (key, value) in meta {
            buffer.append(text: key)
            buffer.append(text: value)
        }
    }

    static func decodeMeta(_ reader: inout ByteReader) -> [(key: String, value: String)]? {
        // Each pair takes eight bytes at least, which bounds what a hostile count can make us reserve.
        guard let count = reader.integer(UInt32.self), Int(count) <= reader.remaining / 8 else { return nil }
        var meta: [(key: String, value: String)] = []
        meta.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let key = reader.text(), let value = reader.text() else { return nil }
            meta.append((key, value))
        }
        return meta
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) -> SpoolEnvelope? {
        var reader = ByteReader(bytes)
        guard let created = reader.integer(Int64.self), let due = reader.integer(Int64.self),
            let expires = reader.integer(Int64.self), let attempts = reader.integer(UInt32.self),
            let queue = reader.text(), let lastReply = reader.text(), let sender = reader.text(),
            let count = reader.integer(UInt32.self), Int(count) <= reader.remaining / 4
        else { return nil }
        var recipients: [String] = []
        recipients.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let recipient = reader.text() else { return nil }
            recipients.append(recipient)
        }
        guard let meta = decodeMeta(&reader), reader.remaining == 0 else { return nil }
        return SpoolEnvelope(
            sender: sender, recipients: recipients, queue: queue, created: created, due: due, attempts: Int(attempts),
            expires: expires, lastReply: lastReply, meta: meta)
    }

    /// Bytes `encode` writes.
    var encodedSize: Int {
        var size = 28 + 4 + queue.utf8.count + 4 + lastReply.utf8.count + 4 + sender.utf8.count + 4
        for recipient in recipients { size += 4 + recipient.utf8.count }
        size += 4
        for (key, value) in meta { size += 8 + key.utf8.count + value.utf8.count }
        return size
    }

    /// Takes over what an update says.
    mutating func apply(_ update: UpdateRecord) {
        attempts = update.attempts
        due = update.due
        lastReply = update.lastReply
        if let queue = update.queue { self.queue = queue }
        if let meta = update.meta { self.meta = meta }
    }
}
