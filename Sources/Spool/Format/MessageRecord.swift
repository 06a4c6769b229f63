import Message

/// The payload of a message record, as views into the bytes it was decoded from. *value*.
///
///     0 envelope length   4 headers length   8 body kind (0 inline, 1 shared)   12 chunk count   16 body length
///     24 [shared: body id]   envelope   headers   [inline: body]
struct MessageRecord {
    /// A body kept in chunk records of its own.
    struct Shared: Equatable {
        var id: MessageID
        var chunks: Int
    }

    var envelope: UnsafeRawBufferPointer
    var headers: UnsafeRawBufferPointer
    var shared: Shared?
    var bodyLength: Int
    var body: UnsafeRawBufferPointer

    static func decode(_ payload: UnsafeRawBufferPointer) -> MessageRecord? {
        var reader = ByteReader(payload)
        guard let envelopeLength = reader.integer(UInt32.self), let headersLength = reader.integer(UInt32.self),
            let kind = reader.integer(UInt32.self), kind <= 1, let chunks = reader.integer(UInt32.self),
            let bodyLength = reader.integer(UInt64.self), bodyLength <= UInt64(Int64.max)
        else { return nil }
        var shared: Shared?
        if kind == 1 {
            guard let high = reader.integer(UInt64.self), let low = reader.integer(UInt64.self) else { return nil }
            shared = Shared(id: MessageID(high: high, low: low), chunks: Int(chunks))
        } else if chunks != 0 {
            return nil
        }
        guard let envelope = reader.slice(Int(envelopeLength)), let headers = reader.slice(Int(headersLength)),
            let body = reader.slice(reader.remaining), shared != nil ? body.isEmpty : body.count == Int(bodyLength)
        else { return nil }
        return MessageRecord(envelope: envelope, headers: headers, shared: shared, bodyLength: Int(bodyLength), body: body)
    }

    /// Writes the payload; the envelope comes as a value because an update may have changed it.
    static func encode(
        envelope: SpoolEnvelope, headers: UnsafeRawBufferPointer, shared: Shared?, bodyLength: Int, body: UnsafeRawBufferPointer,
        into buffer: RecordBuffer
    ) {
        let start = buffer.count
        buffer.append(UInt32(0))
        buffer.append(UInt32(headers.count))
        buffer.append(UInt32(shared == nil ? 0 : 1))
        buffer.append(UInt32(shared?.chunks ?? 0))
        buffer.append(UInt64(bodyLength))
        if let shared {
            buffer.append(shared.id.high)
            buffer.append(shared.id.low)
        }
        let before = buffer.count
        envelope.encode(into: buffer)
        buffer.store(UInt32(buffer.count - before), at: start)
        buffer.append(headers)
        buffer.append(body)
    }

    static func encodedSize(envelope: SpoolEnvelope, headers: Int, inlineBody: Int) -> Int {
        40 + envelope.encodedSize + headers + inlineBody
    }
}
