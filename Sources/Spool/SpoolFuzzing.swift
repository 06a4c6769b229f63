import Message

/// Entry points for the fuzzer. They must return for every input, and trap only when the format contradicts itself.
public enum SpoolFuzzing {
    /// Decodes arbitrary bytes as a segment, with and without checksums, and checks that what decodes survives
    /// encoding and decoding again.
    public static func record(_ bytes: UnsafeRawBufferPointer) {
        _ = SegmentHeader.decode(bytes)
        guard let first = bytes.first else { return }
        // The life comes from the input as well, so that headers can match it.
        var life: UInt64 = 0
        if bytes.count >= 24 { life = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)) }
        scan(bytes, life: life, verify: first & 1 == 0)
        for kind in [RecordKind.message, .chunk, .update, .done] { check(kind, bytes) }
    }

    private static func scan(_ bytes: UnsafeRawBufferPointer, life: UInt64, verify: Bool) {
        var scanner = SegmentScanner(bytes, life: life, from: 0, verify: verify)
        var last = -1
        while true {
            switch scanner.next() {
            case .end: return
            case .damage(let damage):
                precondition(damage.offset > last && damage.offset <= bytes.count, "the scanner went back")
                last = damage.offset
            case .record(let header, let offset, let payload):
                precondition(offset > last && payload.count == header.length, "the scanner went back")
                last = offset
                check(header.kind, payload)
            }
        }
    }

    private static func check(_ kind: RecordKind, _ payload: UnsafeRawBufferPointer) {
        let buffer = RecordBuffer()
        switch kind {
        case .message:
            guard let record = MessageRecord.decode(payload), let envelope = SpoolEnvelope.decode(record.envelope) else { return }
            MessageRecord.encode(
                envelope: envelope, headers: record.headers, shared: record.shared, bodyLength: record.bodyLength, body: record.body,
                into: buffer)
            guard let again = MessageRecord.decode(buffer.bytes), let second = SpoolEnvelope.decode(again.envelope) else {
                preconditionFailure("a message record does not survive encoding")
            }
            precondition(second == envelope && again.shared == record.shared && again.bodyLength == record.bodyLength)
            precondition(again.headers.elementsEqual(record.headers) && again.body.elementsEqual(record.body))
        case .chunk:
            guard let record = ChunkRecord.decode(payload) else { return }
            record.encode(into: buffer)
            precondition(buffer.bytes.elementsEqual(payload))
        case .update:
            guard let record = UpdateRecord.decode(payload) else { return }
            record.encode(into: buffer)
            guard let again = UpdateRecord.decode(buffer.bytes) else { preconditionFailure("an update does not survive encoding") }
            precondition(again.attempts == record.attempts && again.due == record.due && again.lastReply == record.lastReply)
            precondition(again.queue == record.queue && again.meta?.count == record.meta?.count)
            precondition(buffer.count == again.encodedSize)
        case .done:
            guard let record = DoneRecord.decode(payload) else { return }
            record.encode(into: buffer)
            precondition(buffer.bytes.elementsEqual(payload))
        }
    }
}
