import Telemetry

/// Taking segments into use and giving them up.
extension SpoolWriter {
    /// Seals the active segment and takes the next one into use.
    ///
    /// Order for a crash at any point: the old segment is synced before the new one exists, the new one's name is durable
    /// before anything in it is acknowledged, and its header is synced by the first commit's own sync.
    func roll() throws(SpoolError) {
        if unsynced, let active {
            do {
                try store.io.synchronize(active.file.fd)
                unsynced = false
            } catch { throw store.fence(error) }
        }
        guard nextSequence < UInt32.max else {
            throw SpoolError(.full, "segment numbers are used up", remedy: "Drain the spool and start with an empty directory")
        }
        let sequence = nextSequence
        let path = store.segmentPath(sequence)
        let file: SegmentFile
        do {
            if let reused = freeFiles.last {
                try store.io.rename(reused.path.withLock { $0 }, path)
                reused.path.withLock { $0 = path }
                freeFiles.removeLast()
                file = reused
            } else {
                file = try create(path)
            }
            // Burnt even when what follows fails: a sequence is never used twice.
            nextSequence += 1
            try store.io.synchronizeDirectory(store.segmentsPath)
        } catch {
            if error.isNoSpace {
                setFull(error.reason)
                throw store.fullError(error.reason)
            }
            throw store.fence(error)
        }
        let life = UInt64.random(in: 1...UInt64.max, using: &random)
        let header = RecordBuffer(capacity: SegmentHeader.size)
        SegmentHeader(state: .active, sequence: UInt64(sequence), fileSize: file.size, life: life).encode(into: header)
        if let problem = file.write(header.bytes, at: 0).failure {
            // The file stays an empty segment without a header; the next start gives it back.
            if problem.isNoSpace {
                freeFiles.append(file)
                setFull(problem.reason)
                throw store.fullError(problem.reason)
            }
            throw store.fence(problem)
        }
        unsynced = true
        let segment = Segment(sequence: sequence, life: life, file: file, used: SegmentHeader.firstRecord, sealed: false)
        let old = active
        store.state.withLock { state in
            old?.sealed = true
            state.segments[sequence] = segment
        }
        active = segment
    }

    private func create(_ path: String) throws(IOFailure) -> SegmentFile {
        let fd = try store.io.open(path, create: true)
        do {
            try store.io.allocate(fd, size: options.segmentSize)
        } catch {
            store.io.close(fd)
            try? store.io.remove(path)
            throw error
        }
        return SegmentFile(io: store.io, fd: fd, size: options.segmentSize, path: path)
    }

    /// Gives up one segment that nothing needs. False: there is none, or the volume is fenced.
    ///
    /// The order matters. First everything written is synced: what made the segment dead (done marks, copies) must be
    /// durable. Then its header is wiped and synced. Only then do other records stop protecting against its copies.
    func retireOne() -> Bool {
        guard case .some(let segment) = store.state.withLock({ $0.deadSegment() }) else { return false }
        if case .fenced = store.health.withLock({ $0 }) { return false }
        do throws(IOFailure) {
            if unsynced, let active {
                try store.io.synchronize(active.file.fd)
                unsynced = false
            }
            let header = RecordBuffer(capacity: SegmentHeader.size)
            SegmentHeader(state: .free, sequence: UInt64(segment.sequence), fileSize: segment.file.size, life: 0).encode(into: header)
            // The first record goes too: if the next header is torn, recovery must not take the former life for the present one.
            header.appendZeros(SegmentHeader.firstRecord + RecordHeader.size - header.count)
            if let problem = segment.file.write(header.bytes, at: 0).failure { throw problem }
            try store.io.synchronize(segment.file.fd)
        } catch {
            _ = store.fence(error)
            return false
        }
        store.state.withLock { $0.forget(segment.sequence) }
        if compaction?.segment === segment { compaction = nil }
        store.metrics.recycledSegments.add()
        let path = segment.file.path.withLock { $0 }
        // From here on failures cost a file, not mail.
        if freeFiles.count < options.maxFreeSegments, segment.file.size == options.segmentSize {
            let free = store.freePath(segment.sequence)
            if (try? store.io.rename(path, free)) != nil { segment.file.path.withLock { $0 = free } }
            freeFiles.append(segment.file)
        } else {
            try? store.io.remove(path)
        }
        return true
    }

    /// Work for when nobody waits: gives up dead segments, compacts a slice, refreshes gauges. Returns when it wants to
    /// be called again (monotonic).
    func housekeep(_ now: Int64) -> Int64 {
        checkRoom(now)
        var again = now + 1_000_000_000
        if case .fenced = store.health.withLock({ $0 }) { return again }
        if case .full = store.health.withLock({ $0 }) { again = now + 100_000_000 }
        var budget = 4
        while budget > 0, retireOne() { budget -= 1 }
        if budget == 0 { again = now }
        // A mark of recovery that waits says which copies another mark does not name: compaction could drop that one.
        let marks = waiting.contains { if case .mark = $0 { true } else { false } }
        if !marks, let next = compact(now) { again = min(again, next) }
        if !waiting.isEmpty { again = min(again, now + 100_000_000) }
        refreshGauges()
        return again
    }

    private func refreshGauges() {
        let (messages, segments, drafts, bytes) = store.state.withLock {
            ($0.index.count, $0.segments.count, $0.drafts.count, $0.draftBytes)
        }
        store.metrics.liveMessages.set(messages)
        store.metrics.segments.set(segments)
        store.metrics.freeSegments.set(freeFiles.count)
        store.metrics.memoryDrafts.set(drafts)
        store.metrics.memoryDraftBytes.set(bytes)
    }

    /// Writes what is only in memory, syncs, seals nothing. For the end of the process.
    func finish(_ now: Int64) {
        commit(draftUpdates(), lazySince: nil, now: now, force: true)
    }

    /// An update that changes nothing for each draft in memory: updates are what writes them.
    func draftUpdates() -> [SpoolCommand] {
        let handles = store.state.withLock { state in state.drafts.keys.map { state.index.handle($0) } }
        return handles.compactMap { handle in
            let draft = store.state.withLock { $0.drafts[handle.slot] }
            guard let envelope = draft?.envelope else { return nil }
            return .update(handle, UpdateRecord(attempts: envelope.attempts, due: envelope.due, lastReply: envelope.lastReply))
        }
    }
}
