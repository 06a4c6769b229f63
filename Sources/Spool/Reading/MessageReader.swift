import Message
import NIOCore
import Telemetry

/// Reads records back and verifies them again. *value*.
///
/// The place of a record is looked up, read without a lock, and verified: compaction may move the record and recycle its
/// segment meanwhile. Then the bytes do not verify, and the look-up is repeated.
struct MessageReader {
    let store: SpoolStore

    private struct Place {
        var file: SegmentFile
        var life: UInt64
        var location: Location
    }

    /// What a look-up found. *value*.
    private enum Found {
        case memory(SpoolDraft)
        case stored(IndexEntry, Place, update: Place?, chunks: [(ChunkPlace, Place)])
        case gone
    }

    private static func place(_ location: Location, _ state: borrowing SpoolState) -> Place? {
        guard let segment = state.segments[location.segment] else { return nil }
        return Place(file: segment.file, life: segment.life, location: location)
    }

    private func find(_ handle: SpoolHandle) -> Found {
        store.state.withLock { state in
            guard let entry = state.index.entry(handle) else { return .gone }
            if let draft = state.drafts[handle.slot] { return .memory(draft) }
            guard let place = Self.place(entry.location, state) else { return .gone }
            let update = entry.update.isNone ? nil : Self.place(entry.update, state)
            var chunks: [(ChunkPlace, Place)] = []
            if entry.body != 0, let body = state.bodies[entry.body - 1] {
                for chunk in body.chunks {
                    if let place = Self.place(chunk.location, state) { chunks.append((chunk, place)) }
                }
            }
            return .stored(entry, place, update: update, chunks: chunks)
        }
    }

    private func load(_ place: Place, _ kind: RecordKind, _ id: MessageID) -> Result<ByteBuffer, SpoolError> {
        var bytes = ByteBufferAllocator().buffer(capacity: Int(place.location.length))
        do {
            try bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(place.location.length)) { memory throws(IOFailure) in
                try store.io.pread(
                    place.file.fd, into: UnsafeMutableRawBufferPointer(rebasing: memory[..<Int(place.location.length)]),
                    at: Int(place.location.offset))
            }
        } catch {
            // Short of memory or descriptors: nothing is wrong with the message, it is asked for again soon.
            let code: SpoolError.Code = error.shortage == nil ? .io : .overloaded
            return .failure(SpoolError(code, "\(error)", remedy: "Check the disk"))
        }
        let valid = bytes.withUnsafeReadableBytes { raw -> Int? in
            guard case .success(let header) = RecordHeader.decode(raw, life: place.life), header.kind == kind, header.id == id,
                header.total <= raw.count
            else { return nil }
            let payload = UnsafeRawBufferPointer(rebasing: raw[RecordHeader.size..<(RecordHeader.size + header.length)])
            return header.verifies(payload) ? header.length : nil
        }
        guard let length = valid, let payload = bytes.getSlice(at: RecordHeader.size, length: length) else {
            return .failure(Self.corrupt(place))
        }
        return .success(payload)
    }

    private static func corrupt(_ place: Place) -> SpoolError {
        SpoolError(
            .corrupt, "the record in segment \(place.location.segment) at \(place.location.offset) does not verify",
            remedy: "Run `apus spool check` while the node is down; the record's bytes are kept")
    }

    /// The latest update of a message.
    func update(_ entry: IndexEntry) -> Result<UpdateRecord, SpoolError> {
        guard let place = store.state.withLock({ Self.place(entry.update, $0) }) else {
            return .failure(SpoolError(.gone, "no update"))
        }
        return load(place, .update, entry.id).flatMap { payload in
            payload.withUnsafeReadableBytes { UpdateRecord.decode($0) }.map { .success($0) } ?? .failure(Self.corrupt(place))
        }
    }

    /// Repeats `body` while it fails because the place it looked up was recycled.
    private func retrying<R>(_ handle: SpoolHandle, _ body: (Found) -> Result<R, SpoolError>) -> Result<R, SpoolError> {
        var last: Result<R, SpoolError> = .failure(.gone(handle))
        for _ in 0..<4 {
            last = body(find(handle))
            if case .failure(let error) = last, error.code == .corrupt { continue }
            return last
        }
        if case .failure = last { store.metrics.corruptRecords.add() }
        return last
    }

    /// The envelope and size of a stored message, without touching its body.
    func envelope(_ handle: SpoolHandle) -> Result<(envelope: SpoolEnvelope, size: Int), SpoolError> {
        retrying(handle) { found in
            guard case .stored(let entry, let place, let updatePlace, _) = found else { return .failure(.gone(handle)) }
            return load(place, .message, entry.id).flatMap { payload in
                guard let parts = MessageParts(payload) else { return .failure(Self.corrupt(place)) }
                var envelope = parts.envelope
                if updatePlace != nil {
                    switch update(entry) {
                    case .success(let update): envelope.apply(update)
                    case .failure(let error): return .failure(error)
                    }
                }
                return .success((envelope, parts.headers.readableBytes + parts.bodyLength))
            }
        }
    }

    /// The whole message; a body beyond the option `wholeBodyLimit` comes as a reference.
    func message(_ handle: SpoolHandle) -> Result<SpoolMessage, SpoolError> {
        retrying(handle) { found in
            switch found {
            case .gone: return .failure(.gone(handle))
            case .memory(let draft):
                return .success(
                    SpoolMessage(
                        handle: handle, id: draft.id, envelope: draft.envelope, headers: draft.headers, body: draft.body,
                        bodyLength: draft.bodyLength))
            case .stored(let entry, let place, let updatePlace, let chunks):
                let payload: ByteBuffer
                switch load(place, .message, entry.id) {
                case .success(let bytes): payload = bytes
                case .failure(let error): return .failure(error)
                }
                guard let parts = MessageParts(payload) else { return .failure(Self.corrupt(place)) }
                var envelope = parts.envelope
                if let updatePlace {
                    switch load(updatePlace, .update, entry.id) {
                    case .success(let bytes):
                        guard let update = bytes.withUnsafeReadableBytes({ UpdateRecord.decode($0) }) else {
                            return .failure(Self.corrupt(updatePlace))
                        }
                        envelope.apply(update)
                    case .failure(let error): return .failure(error)
                    }
                }
                var body = SpoolBody.inline(parts.body)
                if let shared = parts.shared {
                    body = .shared(BodyReference(id: shared.id, length: parts.bodyLength))
                    if parts.bodyLength <= store.options.wholeBodyLimit {
                        switch piece(shared, chunks, 0, parts.bodyLength, place, parts.bodyLength) {
                        case .success(let bytes): body = .inline(bytes)
                        case .failure(let error): return .failure(error)
                        }
                    }
                }
                return .success(
                    SpoolMessage(
                        handle: handle, id: entry.id, envelope: envelope, headers: parts.headers, body: body, bodyLength: parts.bodyLength))
            }
        }
    }

    /// A piece of the body: fewer bytes than asked at its end, none beyond.
    func body(_ handle: SpoolHandle, offset: Int, length: Int) -> Result<ByteBuffer, SpoolError> {
        guard offset >= 0, length >= 0 else { return .failure(SpoolError(.invalid, "negative offset or length")) }
        return retrying(handle) { found in
            switch found {
            case .gone: return .failure(.gone(handle))
            case .memory(let draft):
                switch draft.body {
                case .inline(let bytes), .inlineShared(_, let bytes): return .success(Self.cut(bytes, offset, length))
                case .shared(let reference):
                    let chunks = store.state.withLock { state -> [(ChunkPlace, Place)] in
                        guard let slot = state.bodies.find(reference.id), let body = state.bodies[slot] else { return [] }
                        return body.chunks.compactMap { chunk in Self.place(chunk.location, state).map { (chunk, $0) } }
                    }
                    let shared = MessageRecord.Shared(id: reference.id, chunks: chunks.count)
                    return piece(shared, chunks, offset, length, nil, reference.length)
                }
            case .stored(let entry, let place, _, let chunks):
                if entry.body != 0, let slot = store.state.withLock({ $0.bodies[entry.body - 1] }) {
                    // The message record need not be read again for each piece of a large body.
                    let total = slot.chunks.reduce(0) { $0 + $1.bytes }
                    return piece(MessageRecord.Shared(id: slot.id, chunks: slot.chunks.count), chunks, offset, length, place, total)
                }
                return load(place, .message, entry.id).flatMap { payload in
                    MessageParts(payload).map { .success(Self.cut($0.body, offset, length)) } ?? .failure(Self.corrupt(place))
                }
            }
        }
    }

    private static func cut(_ bytes: ByteBuffer, _ offset: Int, _ length: Int) -> ByteBuffer {
        let start = min(offset, bytes.readableBytes)
        return bytes.getSlice(at: bytes.readerIndex + start, length: min(length, bytes.readableBytes - start)) ?? ByteBuffer()
    }

    private func piece(
        _ shared: MessageRecord.Shared, _ chunks: [(ChunkPlace, Place)], _ offset: Int, _ length: Int, _ message: Place?, _ total: Int
    ) -> Result<ByteBuffer, SpoolError> {
        let complete = chunks.count >= shared.chunks && chunks.prefix(shared.chunks).enumerated().allSatisfy { $1.0.sequence == $0 }
        guard complete, chunks.prefix(shared.chunks).reduce(0, { $0 + $1.0.bytes }) == total else {
            return .failure(SpoolError(.corrupt, "pieces of the body \(shared.id.hex) are missing", remedy: "Look for them in corrupt/"))
        }
        let end = min(total, offset.addingReportingOverflow(length).overflow ? total : offset + length)
        var result = ByteBuffer()
        var start = 0
        for (chunk, place) in chunks.prefix(shared.chunks) {
            let from = max(offset, start)
            let to = min(end, start + chunk.bytes)
            if from < to {
                switch load(place, .chunk, shared.id) {
                case .failure(let error): return .failure(error)
                case .success(var payload):
                    payload.moveReaderIndex(forwardBy: min(ChunkRecord.prefix, payload.readableBytes))
                    var part = Self.cut(payload, from - start, to - from)
                    guard part.readableBytes == to - from else { return .failure(Self.corrupt(place)) }
                    if result.readableBytes == 0 { result = part } else { result.writeBuffer(&part) }
                }
            }
            start += chunk.bytes
        }
        return .success(result)
    }
}

/// A decoded message record whose parts share the storage they were read into. *value*.
struct MessageParts {
    var envelope: SpoolEnvelope
    var headers: ByteBuffer
    var body: ByteBuffer
    var shared: MessageRecord.Shared?
    var bodyLength: Int

    init?(_ payload: ByteBuffer) {
        let decoded = payload.withUnsafeReadableBytes { raw -> (SpoolEnvelope, Int, Int, Int, MessageRecord.Shared?, Int)? in
            guard let record = MessageRecord.decode(raw), let envelope = SpoolEnvelope.decode(record.envelope) else { return nil }
            let bodyStart = raw.count - record.body.count
            return (envelope, bodyStart - record.headers.count, record.headers.count, record.body.count, record.shared, record.bodyLength)
        }
        guard let (envelope, start, headers, body, shared, bodyLength) = decoded,
            let headerBytes = payload.getSlice(at: payload.readerIndex + start, length: headers),
            let bodyBytes = payload.getSlice(at: payload.readerIndex + start + headers, length: body)
        else { return nil }
        self.envelope = envelope
        self.headers = headerBytes
        self.body = bodyBytes
        self.shared = shared
        self.bodyLength = bodyLength
    }
}

extension SpoolDraft {
    /// Bytes of the body.
    var bodyLength: Int {
        switch body {
        case .inline(let bytes), .inlineShared(_, let bytes): bytes.readableBytes
        case .shared(let reference): reference.length
        }
    }
}
