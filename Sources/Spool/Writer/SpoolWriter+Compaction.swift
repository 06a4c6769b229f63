import CChecksum
import Message
import Telemetry

/// Copies what is still needed out of segments that are mostly dead.
extension SpoolWriter {
    /// Where the compaction of one segment stands. *value*.
    struct Compaction {
        let segment: Segment
        var offset = SegmentHeader.firstRecord
        /// A record could not be copied: the segment stays.
        var damaged = false
    }

    private static let slice = 256 << 10

    /// One slice of compaction when its rate allows. Returns when to come again, nil when there is nothing to do.
    func compact(_ now: Int64) -> Int64? {
        guard now >= compactionNotBefore else { return compactionNotBefore }
        if compaction == nil {
            let candidate = store.state.withLock {
                $0.compactionCandidate(percent: options.compactionLivePercent, size: options.segmentSize)
            }
            guard let candidate else { return nil }
            compaction = Compaction(segment: candidate)
        }
        let elapsed = max(0, now - compactionTokensAt)
        let rate = options.compactionBytesPerSecond
        let earned = elapsed > 1_000_000_000 ? rate : Int(Double(rate) * Double(elapsed) / 1e9)
        compactionTokens = min(compactionTokens + earned, max(rate / 4, 1))
        compactionTokensAt = now
        guard compactionTokens > 0 else { return now + 20_000_000 }
        failure = wipeWreck()
        let before = compaction!.offset
        if failure == nil { step() }
        if failure != nil {
            // No room: what was copied is good, the rest waits. A fenced volume ends up here too, and is not touched again.
            compaction = nil
            compactionNotBefore = now + 1_000_000_000
            return compactionNotBefore
        }
        if let compaction {
            compactionTokens -= max(1, compaction.offset - before)
            if compaction.offset >= compaction.segment.used { complete(compaction) }
        }
        return now
    }

    private func complete(_ compaction: Compaction) {
        self.compaction = nil
        store.state.withLock { _ in
            if compaction.damaged || compaction.segment.live != 0 {
                compaction.segment.keep = true
            } else {
                // Every mark was copied or found needless.
                compaction.segment.pins.removeAll()
            }
        }
    }

    private func step() {
        guard var job = compaction else { return }
        let segment = job.segment
        let window = RecordBuffer(capacity: Self.slice)
        guard let bytes = load(segment, job.offset, min(Self.slice, segment.used - job.offset), into: window) else {
            compaction?.damaged = true
            compaction?.offset = segment.used
            return
        }
        var position = 0
        while job.offset + position < segment.used {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[min(position, bytes.count)...])
            if rest.count < RecordHeader.size {
                if position == 0 { skipDamage(&job) }
                break
            }
            guard case .success(let header) = RecordHeader.decode(rest, life: segment.life) else {
                if position == 0 {
                    skipDamage(&job)
                }  // else the next slice begins with the damage
                break
            }
            if header.total > rest.count {
                if position > 0 { break }
                // One record larger than a slice.
                let big = RecordBuffer(capacity: header.total)
                guard job.offset + header.total <= segment.file.size, let whole = load(segment, job.offset, header.total, into: big) else {
                    skipDamage(&job)
                    break
                }
                if whole.count < header.total || !copy(header, whole, at: job.offset, segment) { job.damaged = true }
                position += header.total
                break
            }
            if !copy(header, rest, at: job.offset + position, segment) { job.damaged = true }
            if failure != nil { return }
            position += header.total
        }
        flush(sync: false)
        guard failure == nil else { return }
        job.offset += position
        compaction = job
    }

    private func load(_ segment: Segment, _ offset: Int, _ length: Int, into window: RecordBuffer) -> UnsafeRawBufferPointer? {
        window.reserve(max(length, 1))
        let target = UnsafeMutableRawBufferPointer(start: window.base, count: length)
        guard let n = try? store.io.pread(segment.file.fd, into: target, at: offset) else { return nil }
        return UnsafeRawBufferPointer(start: window.base, count: n)
    }

    /// Steps over bytes that are no record, keeping them. Damage met here grew after recovery, or recovery kept it already.
    private func skipDamage(_ job: inout Compaction) {
        let segment = job.segment
        let window = RecordBuffer(capacity: 64)
        guard let bytes = load(segment, 0, segment.used, into: window) else {
            job.damaged = true
            job.offset = segment.used
            return
        }
        var scanner = SegmentScanner(bytes, life: segment.life, from: job.offset)
        switch scanner.next() {
        case .damage(let damage):
            let part = UnsafeRawBufferPointer(rebasing: bytes[damage.offset..<min(damage.offset + damage.length, bytes.count)])
            let known = store.ledger.withLock { $0?.entry(segment.sequence) }
            let isTorn = damage.atEnd && known.map { damage.offset >= $0.used } ?? false
            switch store.quarantine(segment: segment.sequence, damage: damage, bytes: part, torn: isTorn) {
            case .copied: if !isTorn { store.metrics.corruptRecords.add() }
            case .known: break
            case .failed: job.damaged = true
            }
            job.offset = damage.atEnd ? segment.used : damage.offset + damage.length
        case .record(let header, _, _):
            // It verifies here but could not be read above: leave it where it is.
            job.damaged = true
            job.offset += header.total
        case .end: job.offset = segment.used
        }
    }

    // MARK: One record

    /// Copies a record forward if it is needed. False: it is needed but does not verify.
    private func copy(_ header: RecordHeader, _ bytes: UnsafeRawBufferPointer, at offset: Int, _ segment: Segment) -> Bool {
        let payload = UnsafeRawBufferPointer(rebasing: bytes[RecordHeader.size..<(RecordHeader.size + header.length)])
        let here = Location(segment: segment.sequence, offset: UInt32(offset), length: UInt32(header.total))
        switch header.kind {
        case .message:
            guard let (handle, entry) = find(header.id), entry.location == here else { return true }
            guard header.verifies(payload) else { return false }
            return copyMessage(handle, entry, payload)
        case .update:
            guard let (handle, entry) = find(header.id), entry.update == here else { return true }
            guard header.verifies(payload) else { return false }
            if let location = verbatim(.update, header.id, payload) {
                effects.append(.moveUpdate(handle, location, carries: entry.updateCarries))
            }
        case .chunk:
            guard header.verifies(payload), let chunk = ChunkRecord.decode(payload) else {
                return !store.state.withLock { state in
                    guard let slot = state.bodies.find(header.id) else { return false }
                    return state.bodies[slot]?.chunks.contains { $0.location == here } ?? false
                }
            }
            let live = store.state.withLock { state -> Bool in
                guard let slot = state.bodies.find(header.id) else { return false }
                return state.bodies[slot]?.chunks.contains { $0.location == here } ?? false
            }
            guard live, let location = verbatim(.chunk, header.id, payload) else { return true }
            effects.append(.moveChunk(header.id, sequence: chunk.sequence, location))
        case .done:
            guard header.verifies(payload), let mark = DoneRecord.decode(payload) else { return false }
            copyMark(header.id, mark, segment)
        }
        return true
    }

    private func find(_ id: MessageID) -> (SpoolHandle, IndexEntry)? {
        store.state.withLock { state in
            state.index.find(id).map { (state.index.handle($0), state.index[$0]) }
        }
    }

    /// The message with its latest update merged in, so that the update's own segment is released.
    private func copyMessage(_ handle: SpoolHandle, _ entry: IndexEntry, _ payload: UnsafeRawBufferPointer) -> Bool {
        if entry.update.isNone {
            if let location = verbatim(.message, entry.id, payload) { effects.append(.moveMessage(handle, location)) }
            return true
        }
        guard let record = MessageRecord.decode(payload), var envelope = SpoolEnvelope.decode(record.envelope) else { return false }
        guard case .success(let update) = MessageReader(store: store).update(entry) else { return false }
        envelope.apply(update)
        let size = MessageRecord.encodedSize(envelope: envelope, headers: record.headers.count, inlineBody: record.body.count)
        guard size <= options.segmentSize - SegmentHeader.firstRecord - RecordHeader.size, reserve(RecordHeader.total(size), sync: false)
        else {
            return failure != nil
        }
        let start = RecordHeader.begin(in: buffer)
        MessageRecord.encode(
            envelope: envelope, headers: record.headers, shared: record.shared, bodyLength: record.bodyLength, body: record.body,
            into: buffer)
        let location = finishRecord(start, .message, entry.id)
        store.metrics.compactedBytes.add(Int(location.length))
        effects.append(.moveMessage(handle, location))
        return true
    }

    private func verbatim(_ kind: RecordKind, _ id: MessageID, _ payload: UnsafeRawBufferPointer) -> Location? {
        guard reserve(RecordHeader.total(payload.count), sync: false) else { return nil }
        let start = RecordHeader.begin(in: buffer)
        buffer.append(payload)
        let location = finishRecord(start, kind, id)
        store.metrics.compactedBytes.add(Int(location.length))
        return location
    }

    /// A done mark is copied while a segment it protects against exists.
    private func copyMark(_ id: MessageID, _ mark: DoneRecord, _ segment: Segment) {
        let needed = store.state.withLock { state -> [UInt32] in
            let needed = mark.targets.filter { $0 != segment.sequence && state.segments[$0] != nil }
            // The id lives again: a copied mark would be newer than its record and kill it. Whoever finishes it will
            // name the old segments too.
            if !needed.isEmpty, let slot = state.index.find(id), state.index[slot].state == .stored {
                state.segments[state.index[slot].location.segment]?.inherits.formUnion(needed)
                return []
            }
            return needed
        }
        guard !needed.isEmpty, reserve(RecordHeader.total(4 + needed.count * 4), sync: false) else { return }
        let start = RecordHeader.begin(in: buffer)
        DoneRecord(targets: needed).encode(into: buffer)
        _ = finishRecord(start, .done, id)
        effects.append(.moveMark(from: segment.sequence, targets: needed))
    }
}

extension RecordHeader {
    /// Whether the payload is the one the header was written for.
    func verifies(_ payload: UnsafeRawBufferPointer) -> Bool {
        apus_crc32c(0, payload.baseAddress, payload.count) == payloadChecksum
    }
}
