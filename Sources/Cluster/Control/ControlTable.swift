internal import Platform

/// All entries and tombstones a node knows, and what it still owes the cluster. *State machine*: no file, no clock, no store.
struct ControlTable {
    /// One entry and its standing.
    struct Held: Sendable, Equatable {
        var entry: ControlEntry
        /// The cluster has not acknowledged it.
        var isPending: Bool
        /// Issued by this process and not yet sent to the store.
        var isFresh: Bool
        var bytes: Int
    }

    /// A change that the store acknowledged and that was not met again yet.
    struct Unread: Sendable, Equatable {
        /// What tells of it.
        var event: EventID
        /// Readings since that came to an end before it. The first may have been under way when the store acknowledged.
        var ends = 0
    }

    /// What came of an entry that was brought.
    enum Merge: Equatable {
        /// It is new, or newer than what was held.
        case changed
        /// It is what was held; `wasPending`: the cluster now has what this node owed it.
        case same(wasPending: Bool)
        /// What was held is newer.
        case older
        /// It would be more than may be kept.
        case full
    }

    /// What a comparison with the whole store brought.
    struct Reconciliation: Equatable {
        /// Entries that the store lost and this node owes it again.
        var owed = 0
        /// Entries that were removed so long ago that their tombstones are gone.
        var dropped: [ControlEntry] = []
    }

    private(set) var held: [String: Held] = [:]
    /// Ids that the cluster has not acknowledged.
    private(set) var pending: Set<String> = []
    /// Ids that the store acknowledged, with the event that tells of them, until reading passes that event.
    ///
    /// Whatever a failover loses is the end of the stream. If it loses an event that was read, reading finds a gap, and all is
    /// compared. If it loses one that was written but not read yet, nobody would notice: so a change counts as settled only when its
    /// event was met again.
    private(set) var unread: [String: Unread] = [:]
    /// The highest version ever seen.
    private(set) var highest: Int64 = 0
    /// Bytes of all that is held, as JSON.
    private(set) var bytes = 0
    /// Entries that are no tombstones.
    private(set) var liveCount = 0
    /// Where reading goes on; nil = the whole store must be read.
    var position: ControlPosition?
    /// When the store was last read to its end, unix nanoseconds.
    var contact: Int64 = 0
    private var nextEnd = MonotonicInstant.distantFuture

    /// The version of the next change that is made here.
    var nextVersion: Int64? { highest < ControlBounds.version ? highest + 1 : nil }

    /// Takes notice of a version.
    mutating func observe(_ version: Int64) {
        if version > highest, version <= ControlBounds.version { highest = version }
    }

    /// True when one more entry with that id may be issued.
    func hasRoom(for id: String, bytes size: Int) -> Bool {
        let old = held[id]
        let isNew = old.map { $0.entry.isRemoved } ?? true
        return (!isNew || liveCount < ControlBounds.entries) && (old != nil || held.count < ControlBounds.kept)
            && bytes - (old?.bytes ?? 0) + size <= ControlBounds.keptBytes
    }

    /// Takes an entry in when it is newer than what is held.
    mutating func merge(_ entry: ControlEntry, bytes size: Int, isPending: Bool, isFresh: Bool = false) -> Merge {
        observe(entry.version)
        let old = held[entry.id]
        if let old {
            if old.entry.version == entry.version, old.entry.node == entry.node {
                guard !isPending else { return .same(wasPending: false) }
                let wasUnread = unread.removeValue(forKey: entry.id) != nil
                confirm(id: entry.id)
                return .same(wasPending: old.isPending || wasUnread)
            }
            guard entry.supersedes(old.entry) else { return .older }
        } else if held.count >= ControlBounds.kept {
            return .full
        }
        guard bytes - (old?.bytes ?? 0) + size <= ControlBounds.keptBytes else { return .full }
        if let old { forget(old) }
        held[entry.id] = Held(entry: entry, isPending: isPending, isFresh: isFresh, bytes: size)
        bytes += size
        if !entry.isRemoved { liveCount += 1 }
        if isPending { pending.insert(entry.id) }
        nextEnd = min(nextEnd, entry.end.instant)
        return .changed
    }

    private mutating func forget(_ old: Held) {
        bytes -= old.bytes
        if !old.entry.isRemoved { liveCount -= 1 }
        pending.remove(old.entry.id)
        unread[old.entry.id] = nil
        held[old.entry.id] = nil
    }

    private mutating func confirm(id: String) {
        held[id]?.isPending = false
        held[id]?.isFresh = false
        pending.remove(id)
    }

    /// The store has this version, and tells of it in `event`; nil = that does not matter. True when the cluster now surely has it,
    /// which is to be written down.
    mutating func acknowledge(id: String, version: Int64, node: String, event: EventID?) -> Bool {
        guard let old = held[id], old.isPending, old.entry.version == version, old.entry.node == node else { return false }
        confirm(id: id)
        guard let event, event > position.flatMap({ EventID($0.event) }) ?? EventID.none else { return true }
        unread[id] = Unread(event: event)
        return false
    }

    /// Everything up to `position` was read; `isEnd`: the stream ended there. What was acknowledged with an event up to there, or with
    /// one that the stream should have by now, and was not met, is lost and owed again. Returns how many these are.
    mutating func advance(to position: ControlPosition, isEnd: Bool) -> Int {
        self.position = position
        guard !unread.isEmpty, let read = EventID(position.event) else { return 0 }
        var lost: [String] = []
        for (id, one) in unread {
            if one.event <= read || (isEnd && one.ends > 0) { lost.append(id) } else if isEnd { unread[id]?.ends += 1 }
        }
        for id in lost { owe(id) }
        return lost.count
    }

    private mutating func owe(_ id: String) {
        unread[id] = nil
        held[id]?.isPending = true
        pending.insert(id)
    }

    /// The store is to get that entry again, whatever it acknowledged.
    mutating func oweAgain(_ id: String) { if held[id] != nil { owe(id) } }

    /// It is not known whether the store got this version: what the store holds then may be younger than it.
    mutating func doubt(id: String, version: Int64) {
        guard held[id]?.entry.version == version else { return }
        held[id]?.isFresh = false
    }

    /// Drops one version, without a tombstone.
    mutating func drop(id: String, version: Int64) -> ControlEntry? {
        guard let old = held[id], old.entry.version == version else { return nil }
        forget(old)
        return old.entry
    }

    /// Forgets what has ended; returns it, tombstones too.
    mutating func expire(now: MonotonicInstant) -> [ControlEntry] {
        guard now >= nextEnd else { return [] }
        var ended: [Held] = []
        nextEnd = .distantFuture
        for old in held.values {
            if old.entry.isExpired(at: now) { ended.append(old) } else { nextEnd = min(nextEnd, old.entry.end.instant) }
        }
        for old in ended { forget(old) }
        return ended.map(\.entry)
    }

    /// Compares with the whole store; `seen` has a version and a node for each id in it.
    ///
    /// What the store lacks was either lost (an empty restart, a failover to a replica that lagged) or removed. A removal leaves a
    /// tombstone for seven days; so a node that was here within six has met it, and what is missing was lost: this node owes it
    /// again. After a longer absence the epoch decides: the same store has forgotten its tombstones, so what it lacks was removed;
    /// another store has lost everything, and a rule too many is better than a rule too few.
    mutating func reconcile(seen: [String: ControlStamp], isSameStore: Bool, now: Int64) -> Reconciliation {
        var result = Reconciliation()
        let isTrusted = now &- contact < ControlBounds.tombstoneTrust || !isSameStore
        for (id, old) in held {
            if let stamp = seen[id] {
                guard old.entry.supersedes(stamp) else { continue }
            } else if !old.isPending, !isTrusted {
                result.dropped.append(old.entry)
                continue
            }
            guard !old.isPending else { continue }
            owe(id)
            result.owed += 1
        }
        unread = [:]
        for entry in result.dropped { _ = drop(id: entry.id, version: entry.version) }
        return result
    }
}
