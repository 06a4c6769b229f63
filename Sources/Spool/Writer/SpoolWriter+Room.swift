import Telemetry

/// Room on the volume, and whether the volume is there at all.
extension SpoolWriter {
    /// Something was short. New mail is refused for a moment; what frees room goes on.
    @discardableResult
    func setFull(_ reason: String, _ shortage: Shortage) -> SpoolError {
        store.health.withLock { health in
            switch health {
            case .fenced, .missing: return
            case .ok, .full: health = .full(reason)
            }
        }
        shortageReason = reason
        say(room.trouble(.short(shortage), now: clock), reason)
        return store.fullError(reason, shortage)
    }

    private func say(_ line: RoomReport.Line?, _ reason: String) {
        switch line {
        case .none: break
        case .trouble(let remedy):
            Log.error("spool \(options.directory): \(reason); new mail is refused, what is queued is delivered. \(remedy)")
        case .over: Log.warn("spool \(options.directory): there is room again; new mail is taken")
        }
    }

    /// Looks whether the directory is in its place, and compares the volume with its floors, at most every 100 ms.
    func checkRoom(_ now: Int64) {
        clock = now
        guard now >= nextRoomCheck else { return }
        nextRoomCheck = now + 100_000_000
        guard placeError() == nil, let found = try? store.io.room(options.directory) else { return }
        // Recycled segments are room that the file system does not know of.
        let bytes = found.bytes.addingReportingOverflow(freeFiles.count * options.segmentSize)
        let free = bytes.overflow ? Int.max : bytes.partialValue
        var reason: String?
        if free < options.minFreeSpace {
            reason = "\(free) bytes free, min_free_space is \(options.minFreeSpace)"
        } else if found.inodes < options.minFreeInodes {
            reason = "\(found.inodes) inodes free, min_free_inodes is \(options.minFreeInodes)"
        }
        if let reason {
            say(room.trouble(.low, now: now), reason)
        } else if room.isShort(now: now) {
            reason = shortageReason
        } else {
            say(room.room(now: now), "")
        }
        store.health.withLock { health in
            switch health {
            case .fenced, .missing: return
            case .ok, .full: health = reason.map { .full($0) } ?? .ok
            }
        }
    }

    // MARK: Place

    /// Looks whether the directory is where it was. nil: it is, or is back. Else nothing is written: it would be lost.
    func placeError(_ part: VolumePart = .all) -> SpoolError? {
        let reason = store.absence(part)
        let change = store.health.withLock { health -> Bool? in
            switch (health, reason) {
            case (.fenced, _), (.missing, .some), (.ok, .none), (.full, .none): return nil
            case (.ok, .some(let reason)), (.full, .some(let reason)):
                health = .missing(reason)
                return true
            case (.missing, .none):
                health = .ok
                return false
            }
        }
        switch change {
        case .some(true):
            Log.error(
                "spool \(options.directory): \(reason ?? ""); new mail is refused and nothing is written until the same directory is back. "
                    + "If it is lost, restart the node with a new one")
        case .some(false): Log.warn("spool \(options.directory): the directory is back; new mail is taken")
        case .none: break
        }
        return reason.map { store.missingError($0) }
    }

    /// Looks, after a commit and before it is answered, whether what was written is still under its name.
    ///
    /// Two system calls per commit: what is above `segments` is looked at with the room of the volume, ten times a second.
    func checkPlace() {
        if let error = placeError(.segments) {
            failure = error
            return
        }
        guard let active, !isInPlace(active) else { return }
        remove(active)
        failure = store.missingError("segment \(active.sequence) was removed")
    }

    private func isInPlace(_ segment: Segment) -> Bool { ((try? store.io.links(segment.file.fd)) ?? 1) > 0 }

    /// The file of a segment was removed under us. What lives in it can still be read: it is copied forward.
    private func remove(_ segment: Segment) {
        let isActive = active === segment
        store.state.withLock { _ in
            segment.isRemoved = true
            segment.sealed = true
        }
        store.report(
            SpoolDamage(
                file: "segments/\(SegmentName.active(segment.sequence))",
                what: "was removed while the node runs; what lives in it is written anew"), isSegment: true)
        store.ledger.withLock { $0?.forget(segment.sequence) }
        guard isActive else { return }
        active = nil
        unsynced = false
        wreck = 0
        // Done marks and updates of the last moment went with it; a crash now repeats deliveries.
    }

    /// Looks after the files that nobody opens while the node runs, once a second: a part of the segments each time.
    func checkFiles(_ now: Int64) {
        guard now >= nextFileCheck else { return }
        nextFileCheck = now + 1_000_000_000
        DescriptorReserve.shared.refill()
        if let active {
            if isInPlace(active) { noteActive(active, late: true) } else { remove(active) }
        }
        let segments = store.state.withLock { state in state.segments.values.filter { $0.sealed && !$0.isRemoved && $0.file.fd >= 0 } }
        for segment in segments.sorted(by: { $0.sequence < $1.sequence }).dropFirst(fileCheckFrom).prefix(64) where !isInPlace(segment) {
            remove(segment)
        }
        fileCheckFrom = fileCheckFrom + 64 < segments.count ? fileCheckFrom + 64 : 0
        freeFiles.removeAll { ((try? store.io.links($0.fd)) ?? 1) == 0 }
        let isListed = store.ledger.withLock { ledger -> Bool in
            guard let ledger else { return true }
            guard ledger.isInPlace() else {
                ledger.rewrite()
                return false
            }
            // Its sync must not make updates and done marks wait beyond their delay; after a crash of the process nothing depends on it.
            fileChecks += 1
            if lazySince == nil || fileChecks % 10 == 0 { ledger.synchronize() }
            return true
        }
        if !isListed { store.report(SpoolDamage(file: Ledger.name, what: "was removed while the node runs; made again")) }
        if let damage = mend() { store.report(damage) }
    }

    /// Gives the active segment its line in the ledger once a commit in it is durable; `late`: also how far it has come since.
    func noteActive(_ active: Segment, late: Bool = false) {
        guard active.used > SegmentHeader.firstRecord, late || notedSegment != active.sequence else { return }
        // At the level `written` nothing is synced for long: then what was written a second ago is as good as it gets.
        let isStale = late && unsynced && staleSegment == active.sequence
        if late { staleSegment = unsynced ? active.sequence : 0 }
        guard !unsynced || isStale else { return }
        notedSegment = active.sequence
        let used = unsynced ? SegmentHeader.firstRecord : active.used
        store.ledger.withLock { ledger in
            let known = ledger?.entry(active.sequence)?.used ?? 0
            ledger?.note(active.sequence, life: active.life, used: max(used, known))
        }
    }
}
