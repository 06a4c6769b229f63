import Message
import NIOCore
import Telemetry

/// From commands to records in the buffer.
extension SpoolWriter {
    func encode(_ command: SpoolCommand, wantsSync: inout Bool) {
        switch command {
        case .append(let drafts, let durability, let ticket, let mailbox):
            open.append(OpenAppend(ticket: ticket, mailbox: mailbox))
            if durability == .fsync || (durability == .memory && !keepsDrafts) { wantsSync = true }
            // What was asked by any append of the commit holds for all of it: a roll in its middle syncs what came before.
            append(drafts, durability, open.count - 1, sync: wantsSync)
        case .refuse(let error, let ticket, let mailbox):
            open.append(OpenAppend(ticket: ticket, mailbox: mailbox, error: error))
        case .barrier(let ticket, let mailbox):
            open.append(OpenAppend(ticket: ticket, mailbox: mailbox, isBarrier: true))
        case .writeDrafts(let ticket, let mailbox):
            keepsDrafts = false
            wantsSync = true
            for command in draftUpdates() { encode(command, wantsSync: &wantsSync) }
            open.append(OpenAppend(ticket: ticket, mailbox: mailbox, isBarrier: true))
        case .chunk(let id, let sequence, let bytes, let ticket, let mailbox):
            open.append(OpenAppend(ticket: ticket, mailbox: mailbox))
            let index = open.count - 1
            if bytes.readableBytes + ChunkRecord.prefix > options.maxPayload {
                open[index].error = SpoolError(
                    .tooLarge, "a chunk of \(bytes.readableBytes) bytes; at most \(options.maxPayload - ChunkRecord.prefix) fit a record")
            } else if let error = refusal() {
                open[index].error = error
            } else {
                encodeChunk(id, sequence, bytes, index, sync: wantsSync)
            }
        case .abandon(let id):
            store.state.withLock { $0.abandon(id) }
        case .update(let handle, let record):
            update(handle, record, command, sync: wantsSync)
        case .done(let handle):
            done(handle, command, sync: wantsSync)
        case .mark(let id, let targets):
            encodeMark(id, targets, command, sync: wantsSync)
        }
    }

    /// Why no new mail is taken now.
    private func refusal() -> SpoolError? {
        if let failure { return failure }
        if case .full(let reason) = store.health.withLock({ $0 }) {
            if case .short(let shortage) = room.said { return store.fullError(reason, shortage) }
            return store.fullError(reason)
        }
        return nil
    }

    // MARK: Append

    private func append(_ drafts: [SpoolDraft], _ durability: Durability, _ index: Int, sync: Bool) {
        if let error = refusal() ?? flaw(in: drafts) {
            open[index].error = error
            return
        }
        if durability == .memory, keepsDrafts, keepInMemory(drafts, index) { return }
        // A transaction that fits one segment is not torn over two: one write holds all of it or nothing.
        var size = 0
        var counted: Set<MessageID> = []
        for draft in drafts {
            size += RecordHeader.total(draft.weight) + RecordHeader.size
            if case .inlineShared(let id, let bytes) = draft.body, !counted.insert(id).inserted { size -= bytes.readableBytes }
        }
        if let active, position + size > active.file.size, size < options.segmentSize - SegmentHeader.firstRecord {
            guard reserve(active.file.size, sync: sync) else {
                open[index].error = failure
                return
            }
        }
        for draft in drafts {
            guard encodeMessage(draft, draft.envelope, index, sync: sync) != nil else {
                open[index].error = failure
                return
            }
        }
    }

    private func flaw(in drafts: [SpoolDraft]) -> SpoolError? {
        var carried: [MessageID: Int] = [:]
        for draft in drafts {
            let size = MessageRecord.encodedSize(
                envelope: draft.envelope, headers: draft.headers.readableBytes, inlineBody: options.inlineLimit)
            if size > options.maxPayload {
                return SpoolError(
                    .tooLarge,
                    "envelope and header block of message \(draft.id.hex) need \(size) bytes; at most \(options.maxPayload) fit a record")
            }
            switch draft.body {
            case .inline: break
            case .inlineShared(let id, let bytes): carried[id] = bytes.readableBytes
            case .shared(let reference):
                let length = carried[reference.id] ?? bodyLength(reference.id)
                if length != reference.length {
                    return SpoolError(
                        .invalid,
                        "the body \(reference.id.hex) has \(length ?? 0) bytes in the spool, message \(draft.id.hex) expects \(reference.length)"
                    )
                }
            }
        }
        return nil
    }

    private func bodyLength(_ id: MessageID) -> Int? {
        let stored = store.state.withLock { state -> Int? in
            guard let slot = state.bodies.find(id), let body = state.bodies[slot] else { return nil }
            return body.length(of: body.chunks.count)
        }
        guard let fresh = runBodies[id]?.length else { return stored }
        return fresh + (stored ?? 0)
    }

    private func chunkCount(_ id: MessageID) -> Int? {
        let stored = store.state.withLock { state -> Int? in
            state.bodies.find(id).flatMap { state.bodies[$0]?.chunks.count }
        }
        guard let fresh = runBodies[id]?.chunks else { return stored }
        return fresh + (stored ?? 0)
    }

    /// Keeps drafts of durability `memory`; false when there is no room for them in memory.
    private func keepInMemory(_ drafts: [SpoolDraft], _ index: Int) -> Bool {
        let weight = SpoolDraft.weight(of: drafts)
        var carried: [MessageID: ByteBuffer] = [:]
        let handles = store.state.withLock { state -> [SpoolHandle]? in
            guard state.draftBytes + weight <= options.maxMemoryDrafts else { return nil }
            // An id that is there already is the idempotent append, which needs the record.
            guard drafts.allSatisfy({ state.index.find($0.id) == nil }) else { return nil }
            var handles: [SpoolHandle] = []
            for var draft in drafts {
                var body: MessageID?
                switch draft.body {
                case .inline: break
                case .inlineShared(let id, let bytes): carried[id] = bytes
                case .shared(let reference):
                    // Nothing of this transaction is on disk: who refers to a carried body carries it too (no copy).
                    if let bytes = carried[reference.id] {
                        draft.body = .inlineShared(reference.id, bytes)
                    } else {
                        body = reference.id
                    }
                }
                if let handle = state.insert(memory: draft, body: body) { handles.append(handle) }
            }
            return handles
        }
        guard let handles, handles.count == drafts.count else { return false }
        open[index].handles = handles
        return true
    }

    /// Encodes a message and the body it brings along. nil: no room, `failure` says why.
    private func encodeMessage(_ draft: SpoolDraft, _ envelope: SpoolEnvelope, _ index: Int, sync: Bool, handle: SpoolHandle? = nil)
        -> Location?
    {
        var shared: MessageRecord.Shared?
        var length = 0
        var inline = ByteBuffer()
        switch draft.body {
        case .inline(let bytes):
            length = bytes.readableBytes
            if length <= options.inlineLimit {
                inline = bytes
            } else {
                guard let chunks = encodeBody(draft.id, bytes, index, sync: sync) else { return nil }
                shared = MessageRecord.Shared(id: draft.id, chunks: chunks)
            }
        case .inlineShared(let id, let bytes):
            length = bytes.readableBytes
            if length <= min(4096, options.inlineLimit) {
                inline = bytes
            } else if let chunks = chunkCount(id), bodyLength(id) == length {
                shared = MessageRecord.Shared(id: id, chunks: chunks)
            } else {
                guard let chunks = encodeBody(id, bytes, index, sync: sync) else { return nil }
                shared = MessageRecord.Shared(id: id, chunks: chunks)
            }
        case .shared(let reference):
            length = reference.length
            shared = MessageRecord.Shared(id: reference.id, chunks: chunkCount(reference.id) ?? 0)
        }
        let size = MessageRecord.encodedSize(envelope: envelope, headers: draft.headers.readableBytes, inlineBody: inline.readableBytes)
        // The reserve may flush: retaining comes after it, in the run that holds the message.
        guard reserve(RecordHeader.total(size), sync: sync) else { return nil }
        if let shared { retainBody(shared.id) }
        let start = RecordHeader.begin(in: buffer)
        draft.headers.withUnsafeReadableBytes { headers in
            inline.withUnsafeReadableBytes { body in
                MessageRecord.encode(envelope: envelope, headers: headers, shared: shared, bodyLength: length, body: body, into: buffer)
            }
        }
        let location = finishRecord(start, .message, draft.id)
        if let handle {
            effects.append(.materialize(handle, location, body: shared?.id))
        } else {
            effects.append(.message(open: index, draft.id, location, body: shared?.id))
        }
        return location
    }

    private func encodeBody(_ id: MessageID, _ bytes: ByteBuffer, _ index: Int, sync: Bool) -> Int? {
        if index >= 0 { open[index].bodies.append(id) }
        var rest = bytes
        var sequence = 0
        while rest.readableBytes > 0 {
            let piece = rest.readSlice(length: min(rest.readableBytes, options.maxPayload / 2))!
            guard encodeChunk(id, sequence, piece, index, sync: sync) else { return nil }
            sequence += 1
        }
        return sequence
    }

    @discardableResult
    private func encodeChunk(_ id: MessageID, _ sequence: Int, _ bytes: ByteBuffer, _ index: Int, sync: Bool) -> Bool {
        guard reserve(RecordHeader.total(ChunkRecord.prefix + bytes.readableBytes), sync: sync) else {
            if index >= 0 { open[index].error = failure }
            return false
        }
        let start = RecordHeader.begin(in: buffer)
        bytes.withUnsafeReadableBytes { ChunkRecord(sequence: sequence, bytes: $0).encode(into: buffer) }
        let location = finishRecord(start, .chunk, id)
        effects.append(.chunk(open: index, id, ChunkPlace(sequence: sequence, bytes: bytes.readableBytes, location: location)))
        runBodies[id, default: RunBody()].chunks += 1
        runBodies[id]!.length += bytes.readableBytes
        return true
    }

    // MARK: Fates

    private func update(_ handle: SpoolHandle, _ record: UpdateRecord, _ command: SpoolCommand, sync: Bool) {
        // An effect of this run on the same message is not in the state yet.
        if runHandles.contains(handle) { flush(sync: sync) }
        if let failure {
            // Never written any more: the next process repeats the attempt.
            if failure.code != .fenced { waiting.append(command) }
            return
        }
        let found = store.state.withLock { state -> (IndexEntry, SpoolDraft?)? in
            state.index.entry(handle).map { ($0, state.drafts[handle.slot]) }
        }
        guard let (entry, draft) = found else { return }
        if let draft {
            var envelope = draft.envelope
            envelope.apply(record)
            guard encodeMessage(draft, envelope, -1, sync: sync, handle: handle) != nil else {
                waiting.append(command)
                return
            }
        } else {
            var record = record
            if entry.updateCarries, record.meta == nil || record.queue == nil {
                switch MessageReader(store: store).update(entry) {
                case .success(let earlier): record.inherit(from: earlier)
                case .failure(let error): Log.error("spool \(options.directory): the meta of message \(entry.id.hex) is lost: \(error)")
                }
            }
            if record.encodedSize > options.maxPayload {
                // Nothing of it can be kept; the attempt count must be.
                record.meta = nil
                record.lastReply = ""
            }
            guard reserve(RecordHeader.total(record.encodedSize), sync: sync) else {
                waiting.append(command)
                return
            }
            let start = RecordHeader.begin(in: buffer)
            record.encode(into: buffer)
            let location = finishRecord(start, .update, entry.id)
            effects.append(.update(handle, location, carries: record.meta != nil || record.queue != nil))
        }
        runLazies.append(command)
        runHandles.insert(handle)
    }

    private func done(_ handle: SpoolHandle, _ command: SpoolCommand, sync: Bool) {
        if runHandles.contains(handle) { flush(sync: sync) }
        if let failure {
            if failure.code == .fenced {
                // Forgotten here at least; the next process will deliver it again.
                store.state.withLock { $0.finish(handle, mark: 0, targets: []) }
            } else {
                waiting.append(command)
            }
            return
        }
        let looked = store.state.withLock { state -> (MessageID, [UInt32])? in
            guard let entry = state.index.entry(handle) else { return nil }
            if entry.state == .memory {
                state.finish(handle, mark: 0, targets: [])
                return nil
            }
            return (entry.id, state.targets(entry))
        }
        guard let (id, targets) = looked else { return }
        guard reserve(RecordHeader.total(4 + targets.count * 4), sync: sync) else {
            waiting.append(command)
            return
        }
        let start = RecordHeader.begin(in: buffer)
        DoneRecord(targets: targets).encode(into: buffer)
        _ = finishRecord(start, .done, id)
        effects.append(.done(handle, targets: targets))
        runLazies.append(command)
        runHandles.insert(handle)
    }

    private func encodeMark(_ id: MessageID, _ targets: [UInt32], _ command: SpoolCommand, sync: Bool) {
        guard reserve(RecordHeader.total(4 + targets.count * 4), sync: sync) else {
            waiting.append(command)
            return
        }
        let start = RecordHeader.begin(in: buffer)
        DoneRecord(targets: targets).encode(into: buffer)
        _ = finishRecord(start, .done, id)
        effects.append(.mark(targets: targets))
        runLazies.append(command)
    }
}
