internal import Synchronization
internal import Telemetry

/// What `ControlSync` does with the state. All of it is bounded by one batch and never waits for the disk.
extension ControlState {
    /// `body` is called when something waits for the cluster.
    func onPending(_ body: @escaping @Sendable (_ isUrgent: Bool) -> Void) { shared.withLock { $0.onPending = body } }

    /// Where reading goes on; nil = with the whole store: after a long absence too, since the events of that time may name removals
    /// that the store has forgotten.
    var position: ControlPosition? {
        let now = clock()
        return shared.withLock { now &- $0.table.contact < ControlBounds.tombstoneTrust ? $0.table.position : nil }
    }

    /// Takes in entries of the store. What is wrong with one is logged and counted; the others are not held up. Returns the entries
    /// that had effect.
    @discardableResult
    func merge(_ values: [StoredEntry]) -> [ControlEntry] {
        let (now, steady) = (clock(), self.now)
        var flaws: [String] = []
        var ended: [ControlEntry] = []
        let changed = shared.withLock { shared in
            var changed: [ControlEntry] = []
            var lines: [ControlLine] = []
            for value in values {
                guard let entry = value.entry?.learned(wall: now, steady: steady) else {
                    flaws.append("it cannot be read")
                    continue
                }
                if let flaw = entry.flaw(now: now) {
                    flaws.append(flaw)
                    continue
                }
                let json = entry.json
                switch shared.table.merge(entry, bytes: json.count, isPending: false) {
                case .changed:
                    changed.append(entry)
                    lines.append(.entry(isPending: false, json: json))
                case .same(true): lines.append(.acknowledged(id: entry.id, version: entry.version))
                case .same(false), .older: break
                case .full: flaws.append("there are too many")
                }
            }
            ended = shared.table.expire(now: steady)
            shared.status.refused += flaws.count
            Self.post(lines, &shared)
            if !changed.isEmpty || !ended.isEmpty { reindex(shared.table, Set((changed + ended).map(\.kind))) }
            return changed
        }
        if let flaw = flaws.first {
            Log.error("entries of the control plane were refused", ["count": flaws.count, "first": flaw])
        }
        tell(changed + ended.filter { entry in !entry.isRemoved && !changed.contains { $0.id == entry.id } })
        writeOutboxSoon()
        return changed
    }

    /// The store was read up to `position`; `isEnd`: there was no more.
    func advance(to position: ControlPosition, highest: Int64, isEnd: Bool) {
        let now = clock()
        let isWorthIt = shared.withLock { shared in
            shared.table.observe(highest)
            // The time of contact matters in days; on disk an hour is close enough.
            let isWorthIt =
                shared.table.position != position || (isEnd && abs(now &- shared.contactOnDisk) > ControlBounds.hour)
            let lost = shared.table.advance(to: position, isEnd: isEnd)
            shared.status.republished += lost
            if isEnd { shared.table.contact = now }
            if isWorthIt {
                shared.contactOnDisk = shared.table.contact
                Self.post([shared.table.positionLine], &shared)
            }
            return isWorthIt
        }
        if isWorthIt { writeOutboxSoon() }
    }

    /// The whole store must be compared before the position counts again, also after a restart; only the epoch is still known.
    func losePosition() {
        shared.withLock { shared in
            guard shared.table.position?.event.isEmpty == false else { return }
            shared.table.position?.event = ""
            Self.post([shared.table.positionLine], &shared)
        }
        writeOutboxSoon()
    }

    /// The whole store was read: `seen` is in it. Takes the position, and finds out what this node owes it.
    func reconcile(seen: [String: ControlStamp], position: ControlPosition, highest: Int64) {
        let now = clock()
        let result = shared.withLock { shared in
            let isSameStore = shared.table.position?.epoch == position.epoch
            shared.table.observe(highest)
            let result = shared.table.reconcile(seen: seen, isSameStore: isSameStore, now: now)
            shared.table.position = position
            shared.table.contact = now
            shared.status.republished += result.owed
            shared.status.wholeReads += 1
            Self.post(result.dropped.map { .dropped(id: $0.id, version: $0.version) } + [shared.table.positionLine], &shared)
            if !result.dropped.isEmpty { reindex(shared.table, Set(result.dropped.map(\.kind))) }
            return result
        }
        if result.owed > 0 { Log.warn("the store lost entries of the control plane; they are published again", ["count": result.owed]) }
        tell(
            result.dropped.map { entry in
                var entry = entry
                entry.isRemoved = true
                return entry
            })
        writeOutboxSoon()
    }

    /// The next entries that the cluster should get, oldest first.
    func pendingBatch(most: Int, bytes: Int) -> [ControlTable.Held] {
        shared.withLock { shared in
            guard !shared.table.pending.isEmpty else { return [] }
            let owed = shared.table.pending.compactMap { shared.table.held[$0] }
                .sorted { ($0.entry.version, $0.entry.id) < ($1.entry.version, $1.entry.id) }
            var room = bytes
            return Array(
                owed.prefix(most).prefix { held in
                    defer { room -= held.bytes }
                    return room > 0
                })
        }
    }

    /// The store has that entry, and tells of it in `event`; nil = it has something better.
    func acknowledge(_ entry: ControlEntry, event: EventID?) {
        shared.withLock { shared in
            guard shared.table.acknowledge(id: entry.id, version: entry.version, node: entry.node, event: event) else { return }
            Self.post([.acknowledged(id: entry.id, version: entry.version)], &shared)
        }
        writeOutboxSoon()
    }

    /// It is not known whether the store got that entry.
    func doubt(_ entry: ControlEntry) { shared.withLock { $0.table.doubt(id: entry.id, version: entry.version) } }

    /// The store holds something unreadable in the place of that entry, which claims the version `other`: it must not stand in the way.
    func overwrite(_ entry: ControlEntry, above other: Int64) -> Bool { again(entry, above: other) { _ in true } }

    /// The store has a newer version of what was just issued here, from a node whose change had not arrived yet. The later word is
    /// the one that was said here, so it is said again, above the other. Only for a change whose first answer this was: nobody else
    /// can have seen it.
    func restate(_ entry: ControlEntry, above other: Int64) -> Bool { again(entry, above: other) { $0.isFresh } }

    private func again(_ entry: ControlEntry, above other: Int64, when isRight: (ControlTable.Held) -> Bool) -> Bool {
        shared.withLock { shared in
            shared.table.observe(other)
            guard let held = shared.table.held[entry.id], held.entry == entry, isRight(held), let version = shared.table.nextVersion
            else { return false }
            var again = entry
            again.version = version
            again.node = node
            let json = again.json
            guard shared.table.merge(again, bytes: json.count, isPending: true) == .changed else { return false }
            Self.post([.entry(isPending: true, json: json)], &shared)
            reindex(shared.table, [again.kind])
            return true
        }
    }

    /// The store has something newer than that entry which this node may not take: the entry is not offered any more.
    func giveUp(_ entry: ControlEntry) { acknowledge(entry, event: nil) }
}
