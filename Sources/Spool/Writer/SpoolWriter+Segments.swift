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
        let file = try take(store.segmentPath(sequence))
        let life = UInt64.random(in: 1...UInt64.max, using: &random)
        let header = RecordBuffer(capacity: SegmentHeader.size)
        SegmentHeader(state: .active, sequence: UInt64(sequence), fileSize: file.size, life: life).encode(into: header)
        if let problem = file.write(header.bytes, at: 0).failure {
            // The file stays an empty segment without a header; the next start gives it back.
            if let shortage = problem.shortage {
                freeFiles.append(file)
                throw setFull(problem.reason, shortage)
            }
            throw store.fence(problem)
        }
        unsynced = true
        let segment = Segment(sequence: sequence, life: life, file: file, used: SegmentHeader.firstRecord, sealed: false)
        let old = active
        if let old, old.used > SegmentHeader.firstRecord {
            // Everything in it is synced: from now on its end is known.
            store.ledger.withLock { $0?.note(old.sequence, life: old.life, used: old.used) }
        }
        store.state.withLock { state in
            old?.sealed = true
            state.segments[sequence] = segment
        }
        active = segment
    }

    /// A file for a new segment, under its name, durably. Its number is burnt even when what follows fails: it is never used twice.
    private func take(_ path: String) throws(SpoolError) -> SegmentFile {
        do throws(IOFailure) {
            while let reused = freeFiles.last {
                let free = reused.path.withLock { $0 }
                do throws(IOFailure) { try store.io.rename(free, path) } catch {
                    // Somebody removed it: its file would be lost with all that is written to it.
                    guard error.number == 2 else { throw error }
                    freeFiles.removeLast()
                    continue
                }
                reused.path.withLock { $0 = path }
                nextSequence += 1
                try store.io.synchronizeDirectory(store.segmentsPath)
                freeFiles.removeLast()
                return reused
            }
            let made = try create(path)
            nextSequence += 1
            do throws(IOFailure) { try store.io.synchronizeDirectory(store.segmentsPath) } catch {
                if error.shortage != nil { freeFiles.append(made) }
                throw error
            }
            return made
        } catch {
            if let shortage = error.shortage { throw setFull(error.reason, shortage) }
            if let error = placeError() { throw error }
            throw store.fence(error)
        }
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
        switch store.health.withLock({ $0 }) {
        case .fenced, .missing: return false
        case .ok, .full: break
        }
        do throws(IOFailure) {
            // The names of newer segments must be durable before an older one goes; at the start that may have failed for want of a descriptor.
            if unsynced, let active {
                try store.io.synchronize(active.file.fd)
                unsynced = false
            }
            store.ledger.withLock { $0?.forget(segment.sequence) }
            let header = RecordBuffer(capacity: SegmentHeader.size)
            SegmentHeader(state: .free, sequence: UInt64(segment.sequence), fileSize: segment.file.size, life: 0).encode(into: header)
            // The first record goes too: if the next header is torn, recovery must not take the former life for the present one.
            header.appendZeros(SegmentHeader.firstRecord + RecordHeader.size - header.count)
            if let problem = segment.file.write(header.bytes, at: 0).failure { throw problem }
            try store.io.synchronize(segment.file.fd)
        } catch {
            // Its line in the ledger is gone already, which only means that its loss would not be noticed.
            if let shortage = error.shortage, error.operation != "fdatasync" {
                _ = setFull(error.reason, shortage)
            } else {
                _ = store.fence(error)
            }
            return false
        }
        store.state.withLock { $0.forget(segment.sequence) }
        if compaction?.segment === segment { compaction = nil }
        store.metrics.recycledSegments.add()
        let path = segment.file.path.withLock { $0 }
        // From here on failures cost a file, not mail.
        let isPlain = !segment.isRemoved && (try? store.io.facts(path))?.kind == .regular
        if isPlain, freeFiles.count < options.maxFreeSegments, segment.file.size == options.segmentSize {
            let free = store.freePath(segment.sequence)
            if (try? store.io.rename(path, free)) != nil { segment.file.path.withLock { $0 = free } }
            freeFiles.append(segment.file)
        } else if !segment.isRemoved {
            try? store.io.remove(path)
        }
        return true
    }

    /// Work for when nobody waits: gives up dead segments, compacts a slice, refreshes gauges. Returns when it wants to
    /// be called again (monotonic).
    func housekeep(_ now: Int64) -> Int64 {
        checkRoom(now)
        var again = now + 1_000_000_000
        switch store.health.withLock({ $0 }) {
        case .fenced: return again
        case .missing: return now + 100_000_000
        case .full: again = now + 100_000_000
        case .ok: break
        }
        checkFiles(now)
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
