internal import Synchronization
internal import Telemetry

extension ControlState {
    /// Makes an entry known: on disk and in effect here when it returns, and handed to the cluster if there is one. Returns it with
    /// id, node, time and version. An id that exists is replaced.
    package func issue(_ entry: ControlEntry) throws(ControlError) -> ControlEntry {
        var made = entry
        if made.id.isEmpty { made.id = RandomWord.make() }
        made.scope = made.scope.normalized
        made.isRemoved = false
        let now = clock()
        try made.checkIssuable(now: now)
        expire()
        return try write(made, now: now)
    }

    /// Ends an entry before its time. False when none with that id is live. The removal is remembered, for seven days or until a
    /// while after the entry would have ended: a node that comes back with the entry learns that it is gone.
    package func remove(id: String, issuer: String) throws(ControlError) -> Bool {
        guard var entry = entry(id: id) else { return false }
        let now = clock()
        let end = entry.expires ?? .max
        entry.isRemoved = true
        entry.issuer = issuer
        entry.payload = ""
        entry.scope.queues = []
        entry.expires = min(now &+ ControlBounds.tombstoneLife, end == .max ? .max : max(end, now) &+ ControlBounds.hour)
        try entry.checkIssuable(removing: true)
        _ = try write(entry, now: now)
        return true
    }

    /// Writes a change of this node to disk, then puts it into effect.
    private func write(_ entry: ControlEntry, now: Int64) throws(ControlError) -> ControlEntry {
        var made = entry
        made.node = node
        made.created = max(now, ControlBounds.earliest)
        made = made.learned(wall: now, steady: self.now)
        let draft = made
        made = try file.withLock { file throws(ControlError) in
            // While the line was written, a newer change of the same entry may have come in from the cluster: then again, above it.
            for _ in 0..<8 {
                var made = draft
                let (line, bytes) = try prepare(&made, kind: draft.kind)
                try put(line, &file)
                let isTaken = shared.withLock { shared in
                    guard shared.table.merge(made, bytes: bytes, isPending: true, isFresh: true) == .changed else { return false }
                    reindex(shared.table, [made.kind])
                    return true
                }
                if isTaken { return made }
            }
            throw ControlError(.full, "the entry changes faster than it can be written", remedy: "Try again")
        }
        tell([made])
        shared.withLock { $0.onPending }?(made.kind.needsScope)
        return made
    }

    /// Chooses the version and makes the line.
    private func prepare(_ made: inout ControlEntry, kind: ControlKind) throws(ControlError) -> (line: [UInt8], bytes: Int) {
        let version = shared.withLock { shared in
            let version = shared.table.nextVersion
            // Taken even when the write fails: the line may be on the disk nevertheless.
            if let version { shared.table.observe(version) }
            return version
        }
        guard let version else {
            throw ControlError(
                .full, "the control plane has run out of versions, because something in the store claims an absurd one",
                remedy: "Look for entries of a foreign program in the store, and remove the keys with the tag {c}")
        }
        made.version = version
        let json = made.json
        guard json.count <= ControlBounds.lineBytes else {
            throw ControlError(
                .invalid, "the entry cannot be issued: it is longer than \(ControlBounds.lineBytes) bytes",
                remedy: "Shorten its payload or name fewer queues")
        }
        let candidate = made
        guard made.isRemoved || shared.withLock({ $0.table.hasRoom(for: candidate.id, bytes: json.count) }) else {
            throw ControlError(
                .full, "there are \(ControlBounds.entries) live entries or \(ControlBounds.keptBytes) bytes of them already",
                remedy: "Remove entries that are not needed, or give them an end")
        }
        var line: [UInt8] = []
        ControlLine.entry(isPending: true, json: json).append(to: &line)
        return (line, json.count)
    }

    /// Forgets what has ended, and tells who listens. Called every second or two by `ControlSync`, or by the node
    /// when it has no cluster; reads look at the clock themselves.
    package func expire() {
        let now = now
        let ended = shared.withLock { shared in
            let ended = shared.table.expire(now: now)
            if !ended.isEmpty { reindex(shared.table, Set(ended.map(\.kind))) }
            return ended
        }
        tell(ended.filter { !$0.isRemoved })
    }
}

extension ControlEntry {
    /// The part of `checkIssuable` that concerns a removal: the issuer is the only text the caller gives.
    func checkIssuable(removing: Bool) throws(ControlError) {
        guard issuer.utf8.count <= ControlBounds.nameBytes else {
            throw ControlError(
                .invalid, "the entry cannot be removed: its issuer is longer than \(ControlBounds.nameBytes) bytes",
                remedy: "Shorten that field")
        }
    }
}
