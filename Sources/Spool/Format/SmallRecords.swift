/// The payload of a piece of a body: its number, then its bytes. *value*.
struct ChunkRecord {
    static let prefix = 8
    var sequence: Int
    var bytes: UnsafeRawBufferPointer

    func encode(into buffer: RecordBuffer) {
        buffer.append(UInt32(clamping: sequence))
        buffer.append(UInt32(0))
        buffer.append(bytes)
    }

    static func decode(_ payload: UnsafeRawBufferPointer) -> ChunkRecord? {
        var reader = ByteReader(payload)
        guard let sequence = reader.integer(UInt32.self), reader.integer(UInt32.self) == 0,
            let bytes = reader.slice(reader.remaining)
        else { return nil }
        return ChunkRecord(sequence: Int(sequence), bytes: bytes)
    }
}

/// The payload of a done mark: the segments that hold a copy of the message. *value*.
///
/// The mark is needed as long as one of them exists, else recovery would resurrect delivered mail.
struct DoneRecord {
    var targets: [UInt32]

    func encode(into buffer: RecordBuffer) {
        buffer.append(UInt32(targets.count))
        for target in targets { buffer.append(target) }
    }

    static func decode(_ payload: UnsafeRawBufferPointer) -> DoneRecord? {
        var reader = ByteReader(payload)
        guard let count = reader.integer(UInt32.self), Int(count) * 4 == reader.remaining else { return nil }
        var targets: [UInt32] = []
        targets.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let target = reader.integer(UInt32.self) else { return nil }
            targets.append(target)
        }
        return DoneRecord(targets: targets)
    }
}
