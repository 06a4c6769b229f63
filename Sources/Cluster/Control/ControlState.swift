package import Platform
internal import Synchronization
internal import Telemetry

/// What all nodes agree on besides limits, as this node knows it. *Shared.*
///
/// What is issued here acts here at once and is on disk before `issue` returns, cluster or no cluster; `ControlSync` hands it on.
/// What comes from the cluster acts at once and is on disk soon after, together with the position up to which it was read: a crash
/// takes both back, and the same is read again.
///
/// Reads stand on the data path: when nothing of the kind exists they cost one relaxed load. `issue` and `remove` wait for the
/// disk: never call them on an event loop.
///
/// Diagnostics: bad input and a failing disk are thrown by `issue` and `remove`, with nothing changed. What comes from the cluster
/// and cannot be written acts all the same, is logged, and is written at the next chance.
package final class ControlState: Sendable {
    /// What changes together.
    struct Shared {
        var table = ControlTable()
        /// Lines that are not in the file yet.
        var outbox: [UInt8] = []
        /// The outbox grew too large, or a write failed: only a rewrite helps.
        var needsRewrite = false
        var isWriting = false
        /// The time of the last contact as the file has it.
        var contactOnDisk: Int64 = 0
        var status = ControlStatus()
        var observers: [@Sendable ([ControlEntry]) -> Void] = []
        var onPending: (@Sendable (_ isUrgent: Bool) -> Void)?
    }

    /// What was wrong with the files, as `(file, what)`; it is mended.
    package let damages: [(file: String, what: String)]
    /// Whether file and copy were written at the start.
    package let isKept: Bool
    /// The name of this node.
    package let node: String
    /// The wall clock, unix nanoseconds, never before 2020: a machine that starts without a clock must still be able to issue rules.
    package let clock: @Sendable () -> Int64
    private let steady: @Sendable () -> MonotonicInstant
    let shared = Mutex(Shared())
    let file: Mutex<ControlFile>
    /// False in tests that decide themselves when the disk is written.
    private let writesItself: Bool

    private let suspends = Atomic<Int>(0)
    private let bounces = Atomic<Int>(0)
    private let paths = Atomic<Int>(0)
    private let changes = Atomic<Int>(0)
    private let indexes: Mutex<(suspend: ControlIndex, bounce: ControlIndex, path: ControlIndex)>

    /// Reads the local copy in `directory`, which is made when it is missing. `clock` gives unix nanoseconds; `steady` is what rules end by.
    /// `mustExist`: orders were kept there before, so a directory without them has lost them, and is refused.
    package convenience init(
        directory: String, node: String, mustExist: Bool = false, clock: @escaping @Sendable () -> Int64,
        steady: @escaping @Sendable () -> MonotonicInstant = MonotonicInstant.now
    ) throws(ControlError) {
        try self.init(directory: directory, node: node, writesItself: true, mustExist: mustExist, clock: clock, steady: steady)
    }

    init(
        directory: String, node: String, writesItself: Bool, mustExist: Bool = false, clock wall: @escaping @Sendable () -> Int64,
        steady: @escaping @Sendable () -> MonotonicInstant
    ) throws(ControlError) {
        guard ControlEntry.isName(node, most: ControlBounds.nodeBytes) else {
            throw ControlError(
                .invalid, "the node id must be 1 to 255 visible US-ASCII characters", remedy: "Choose another node id")
        }
        self.node = node
        let clock: @Sendable () -> Int64 = { max(wall(), ControlBounds.earliest) }
        self.clock = clock
        self.steady = steady
        self.writesItself = writesItself
        var opened = try ControlFile(directory: directory)
        let now = clock()
        var shared = Shared()
        let lines = try opened.read(mustExist: mustExist)
        shared.table = try ControlTable(lines: lines, path: opened.source, now: now, steady: steady())
        damages = opened.damages
        do throws(ControlError) { try opened.rewrite(shared.table.content) } catch {
            // A full disk must not keep the node from starting: the file as it stands holds all of it. The next rule writes it whole.
            Log.warn("the file of rules cannot be rewritten", ["file": opened.path, "error": "\(error)"])
        }
        isKept = opened.isWhole
        file = Mutex(opened)
        let none = ControlIndex([], node: node)
        indexes = Mutex((none, none, none))
        let table = shared.table
        self.shared.withLock { $0.table = table }
        reindex(table, [.suspend, .bounce, .suspendPath])
    }

    /// The clock by which entries end here.
    package var now: MonotonicInstant { steady() }

    /// What is left of an entry; `nil` when it does not end.
    package func remaining(_ entry: ControlEntry) -> Duration? {
        entry.expires == nil ? nil : max(.zero, entry.end.instant - now)
    }

    // MARK: reading

    /// The live entries, in the order in which they were made.
    package var entries: [ControlEntry] { live { _ in true } }

    /// The live entries of one kind, in the order in which they were made.
    package func entries(of kind: ControlKind) -> [ControlEntry] { live { $0.kind == kind } }

    /// The live entry with that id.
    package func entry(id: String) -> ControlEntry? {
        let now = now
        guard let entry = shared.withLock({ $0.table.held[id]?.entry }), entry.isLive(at: now) else { return nil }
        return entry
    }

    /// True while the cluster has not acknowledged the newest change of that entry.
    package func isPending(id: String) -> Bool { shared.withLock { $0.table.pending.contains(id) } }

    private func live(_ isWanted: (ControlEntry) -> Bool) -> [ControlEntry] {
        let now = now
        let all = shared.withLock { $0.table.held.values.map(\.entry) }
        return all.filter { $0.isLive(at: now) && isWanted($0) }
            .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// The suspension of that queue that lasts longest.
    package func suspension(of queue: QueueParts) -> ControlEntry? {
        guard suspends.load(ordering: .relaxed) > 0 else { return nil }
        return indexes.withLock { $0.suspend }.entry(for: queue, now: now)
    }

    /// The bounce of that queue that lasts longest.
    package func bounce(of queue: QueueParts) -> ControlEntry? {
        guard bounces.load(ordering: .relaxed) > 0 else { return nil }
        return indexes.withLock { $0.bounce }.entry(for: queue, now: now)
    }

    /// The suspension of that egress path that lasts longest.
    package func pathSuspension(_ path: String) -> ControlEntry? {
        guard paths.load(ordering: .relaxed) > 0 else { return nil }
        return indexes.withLock { $0.path }.entry(forPath: path, now: now)
    }

    /// Changes whenever anything changed.
    package var generation: Int { changes.load(ordering: .acquiring) }

    /// Counts and times for the CLI and the metrics.
    package var status: ControlStatus {
        shared.withLock { shared in
            var status = shared.status
            status.entries = shared.table.liveCount
            status.tombstones = shared.table.held.count - shared.table.liveCount
            status.pending = shared.table.pending.count
            status.contact = shared.table.contact
            return status
        }
    }

    /// `body` is called after each change with what was added, changed, removed or ended: on the thread of whoever caused it, which
    /// may be the cluster's event loop, so it must not block. An entry that is not live any more is among them.
    package func onChange(_ body: @escaping @Sendable ([ControlEntry]) -> Void) { shared.withLock { $0.observers.append(body) } }

    // MARK: after a change

    /// Brings the index up to date. Called with `shared` locked, so that indexes follow each other in the order of changes.
    func reindex(_ table: ControlTable, _ kinds: Set<ControlKind>) {
        func index(_ kind: ControlKind) -> ControlIndex {
            ControlIndex(table.held.values.lazy.map(\.entry).filter { $0.kind == kind }, node: node)
        }
        indexes.withLock { indexes in
            if kinds.contains(.suspend) { indexes.suspend = index(.suspend) }
            if kinds.contains(.bounce) { indexes.bounce = index(.bounce) }
            if kinds.contains(.suspendPath) { indexes.path = index(.suspendPath) }
            suspends.store(indexes.suspend.count, ordering: .relaxed)
            bounces.store(indexes.bounce.count, ordering: .relaxed)
            paths.store(indexes.path.count, ordering: .relaxed)
        }
        changes.add(1, ordering: .releasing)
    }

    /// Tells who listens. Called without a lock.
    func tell(_ changed: [ControlEntry]) {
        guard !changed.isEmpty else { return }
        for observer in shared.withLock({ $0.observers }) { observer(changed) }
    }

    /// Has the outbox written soon, on another thread: the caller may be an event loop.
    func writeOutboxSoon() {
        guard writesItself else { return }
        let isDue = shared.withLock { shared in
            guard !shared.isWriting, !shared.outbox.isEmpty || shared.needsRewrite else { return false }
            shared.isWriting = true
            return true
        }
        guard isDue else { return }
        Task.detached(priority: .utility) { self.writeOutbox() }
    }
}
