import Message
import NIOCore
import Telemetry

/// Turns commands into records, and commits into one write and one sync. *loop-confined*: only the writer thread calls it
/// (tests call it directly, with their own clock).
///
/// A commit is made of *runs*: the records that go into one segment with one write. The state changes only after the run
/// is as durable as it was asked to be.
///
/// Diagnostics: no room (ENOSPC, EDQUOT, the floors), no descriptors and no memory fail the appends of the run and keep updates and done
/// marks for the next commit; any other failure of a write or a sync fences the volume; a peer's too large message is an error value.
final class SpoolWriter {
    let store: SpoolStore
    let buffer = RecordBuffer(capacity: 256 << 10)
    var active: Segment?
    var nextSequence: UInt32
    var freeFiles: [SegmentFile]
    var random = SystemRandomNumberGenerator()

    // The run being encoded.
    var effects: [SpoolEffect] = []
    var runLazies: [SpoolCommand] = []
    var runHandles: Set<SpoolHandle> = []
    var runBodies: [MessageID: RunBody] = [:]
    /// Bodies in the state that messages of this run refer to: a done mark of the same run must not drop them.
    var runRetained: [UInt32] = []
    // The commit being made.
    var open: [OpenAppend] = []
    var failure: SpoolError?

    /// The active segment holds bytes that no sync has covered.
    var unsynced = false
    /// Bytes behind the end of the active segment that a failed run may have left there.
    var wreck = 0
    /// Updates and done marks that could not be written yet.
    var waiting: [SpoolCommand] = []
    /// When the oldest update or done that is not durable yet came in (monotonic).
    var lazySince: Int64?
    var nextRoomCheck: Int64 = 0
    /// False once the node is about to stop: what would stay in memory is written at once.
    var keepsDrafts = true
    /// What was said of room, and until when a shortage is believed.
    var room = RoomReport()
    var shortageReason = ""
    var nextFileCheck: Int64 = 0
    /// How far the round through the segments has come.
    var fileCheckFrom = 0
    /// How often the files were looked after.
    var fileChecks = 0
    /// The active segment that has its line in the ledger.
    var notedSegment: UInt32 = 0
    /// The active segment that held unsynced bytes a second ago.
    var staleSegment: UInt32 = 0
    /// The time of the commit or of the housekeeping under way.
    var clock: Int64 = 0
    /// Puts `OWNER` back if somebody removed it, and says so.
    var mend: () -> SpoolDamage? = { nil }
    var compaction: Compaction?
    var compactionNotBefore: Int64 = 0
    var compactionTokens = 0
    var compactionTokensAt: Int64 = 0

    /// An append whose completion this commit owes. *value*.
    struct OpenAppend {
        var ticket: UInt64
        var mailbox: any SpoolMailbox
        var handles: [SpoolHandle] = []
        var error: SpoolError?
        /// It fails while updates or done marks wait for room.
        var isBarrier = false
        /// Bodies written because of it, dropped again when it fails.
        var bodies: [MessageID] = []
    }

    /// A body with chunks in this run. *value*.
    struct RunBody {
        var chunks = 0
        var length = 0
    }

    init(store: SpoolStore, nextSequence: UInt32, freeFiles: [SegmentFile]) {
        self.store = store
        self.nextSequence = nextSequence
        self.freeFiles = freeFiles
    }

    var options: SpoolOptions { store.options }

    // MARK: Commit

    /// Makes `commands` durable and answers them. `lazySince`: when the oldest update or done among them came in.
    func commit(_ commands: [SpoolCommand], lazySince since: Int64?, now: Int64, force: Bool = false) {
        if let since { lazySince = min(lazySince ?? since, since) }
        checkRoom(now)
        failure = nil
        switch store.health.withLock({ $0 }) {
        case .fenced(let reason): failure = store.fencedError(reason)
        case .missing(let reason): failure = store.missingError(reason)
        case .ok, .full: failure = wipeWreck()
        }
        var wantsSync = force
        let again = takeWaiting()
        let started = monotonicNow()
        for command in again { encode(command, wantsSync: &wantsSync) }
        for command in commands { encode(command, wantsSync: &wantsSync) }
        let bytes = buffer.count
        if let lazySince, now - lazySince >= options.maxDelayNanoseconds { wantsSync = true }
        flush(sync: wantsSync)
        if !open.isEmpty, failure == nil { checkPlace() }
        if !unsynced, waiting.isEmpty, let since = lazySince {
            store.metrics.pendingWindow.observe(Double(max(0, now - since)) / 1e9)
            lazySince = nil
        }
        if bytes > 0 {
            store.metrics.commitBytes.observe(Double(bytes))
            store.metrics.commitLatency.observe(Double(monotonicNow() - started) / 1e9)
        }
        answer(now)
        buffer.reset()
    }

    /// What waited for room, without the updates that a later one makes needless: a full disk may last for hours.
    private func takeWaiting() -> [SpoolCommand] {
        guard waiting.count > 1 else {
            defer { waiting.removeAll(keepingCapacity: true) }
            return waiting
        }
        var place: [SpoolHandle: Int] = [:]
        var result: [SpoolCommand] = []
        for command in waiting {
            guard case .update(let handle, var record) = command else {
                result.append(command)
                continue
            }
            if let index = place[handle], case .update(_, let earlier) = result[index] {
                record.inherit(from: earlier)
                result[index] = .update(handle, record)
            } else {
                place[handle] = result.count
                result.append(command)
            }
        }
        waiting.removeAll(keepingCapacity: true)
        return result
    }

    private func answer(_ now: Int64) {
        guard !open.isEmpty else { return }
        var groups: [ObjectIdentifier: (mailbox: any SpoolMailbox, completions: [SpoolCompletion])] = [:]
        for var append in open {
            let completion: SpoolCompletion
            if case .missing = failure?.code { append.error = append.error ?? failure }
            if append.isBarrier {
                append.error = append.error ?? failure ?? (waiting.isEmpty ? nil : store.fullError("updates wait to be written"))
            }
            if let error = append.error {
                store.metrics.refusedAppends.add()
                undo(append)
                completion = SpoolCompletion(ticket: append.ticket, result: .failure(error))
            } else {
                completion = SpoolCompletion(ticket: append.ticket, result: .success(append.handles))
            }
            groups[ObjectIdentifier(append.mailbox), default: (append.mailbox, [])].completions.append(completion)
        }
        open.removeAll(keepingCapacity: true)
        for (_, group) in groups { group.mailbox.deliver(group.completions) }
    }

    /// Part of the append is on disk, part is not: what is must not come back after a restart.
    private func undo(_ append: OpenAppend) {
        for handle in append.handles { waiting.append(.done(handle)) }
        if !append.handles.isEmpty { lazySince = lazySince ?? monotonicNow() }
        store.state.withLock { state in
            for body in append.bodies { state.abandon(body) }
        }
    }

    // MARK: Run

    /// Keeps a body of the state alive until this run is applied.
    func retainBody(_ id: MessageID) {
        store.state.withLock { state in
            guard let slot = state.bodies.find(id) else { return }
            state.bodies.retain(slot)
            runRetained.append(slot)
        }
    }

    /// Where the next record of the run begins.
    var position: Int { (active?.used ?? 0) + buffer.count }

    /// Makes room for a record of `total` bytes, in a new segment if need be. False: `failure` says why not.
    func reserve(_ total: Int, sync: Bool) -> Bool {
        if failure != nil { return false }
        if let active, position + total <= active.file.size { return true }
        flush(sync: sync)
        if failure != nil { return false }
        do {
            try roll()
            return true
        } catch {
            failure = error
            return false
        }
    }

    /// Ends the record begun at `start` and says where it will be.
    func finishRecord(_ start: Int, _ kind: RecordKind, _ id: MessageID) -> Location {
        let segment = active!
        let offset = segment.used + start
        let total = RecordHeader.finish(in: buffer, at: start, kind: kind, id: id, life: segment.life)
        return Location(segment: segment.sequence, offset: UInt32(offset), length: UInt32(total))
    }

    /// Writes the run, syncs if asked, applies its effects. On failure sets `failure` and puts the lazies back.
    func flush(sync: Bool) {
        defer {
            effects.removeAll(keepingCapacity: true)
            runLazies.removeAll(keepingCapacity: true)
            runHandles.removeAll(keepingCapacity: true)
            runBodies.removeAll(keepingCapacity: true)
            runRetained.removeAll(keepingCapacity: true)
            buffer.truncate(to: 0)
        }
        guard let active else { return }
        if buffer.count > 0 {
            let (written, problem) = active.file.write(buffer.bytes, at: active.used)
            if let problem {
                failRun(problem, written: written, in: active, writing: true)
                return
            }
            unsynced = true
        }
        if sync, unsynced {
            do {
                try store.io.synchronize(active.file.fd)
                unsynced = false
            } catch {
                failRun(error, written: 0, in: active, writing: false)
                return
            }
        }
        defer { noteActive(active) }
        store.state.withLock { state in
            active.used += buffer.count
            for effect in effects { apply(effect, to: &state, active: active) }
            for slot in runRetained { state.releaseBody(slot + 1) }
        }
    }

    private func failRun(_ problem: IOFailure, written: Int, in segment: Segment, writing: Bool) {
        // A failed sync fences whatever its reason: the kernel may have dropped the pages, nothing can be retried.
        if let shortage = problem.shortage, writing {
            // Valid records of a failed run must not be found by a later recovery: wipe what arrived.
            wreck = max(wreck, written)
            failure = setFull(problem.reason, shortage)
            if let worse = wipeWreck() { failure = worse }
        } else {
            failure = store.fence(problem)
        }
        for effect in effects {
            switch effect {
            case .message(let index, _, _, _), .chunk(let index, _, _):
                if index >= 0 { open[index].error = failure }
            case .materialize, .update, .done, .mark, .moveMessage, .moveUpdate, .moveChunk, .moveMark: break
            }
        }
        waiting.append(contentsOf: runLazies)
        store.state.withLock { state in
            for slot in runRetained { state.bodies.unretain(slot) }
        }
    }

    /// Zeroes what a failed run left behind the end of the active segment. Until that succeeds nothing is written (a file
    /// system that copies on write can lack the room even for this). Returns why it did not.
    func wipeWreck() -> SpoolError? {
        guard wreck > 0, let active else { return nil }
        let zeros = RecordBuffer(capacity: wreck)
        zeros.appendZeros(wreck)
        guard let problem = active.file.write(zeros.bytes, at: active.used).failure else {
            wreck = 0
            unsynced = true
            return nil
        }
        guard let shortage = problem.shortage else { return store.fence(problem) }
        return setFull(problem.reason, shortage)
    }

    private func apply(_ effect: SpoolEffect, to state: inout SpoolState, active: Segment) {
        switch effect {
        case .message(let index, let id, let location, let body):
            if let handle = state.insert(id, at: location, body: body) {
                open[index].handles.append(handle)
            } else {
                open[index].error = SpoolError(.overloaded, "the index holds as many messages as it can")
            }
        case .materialize(let handle, let location, let body):
            guard state.index.entry(handle) != nil else { return }
            if let body { state.attachBody(handle.slot, body) }
            state.moveMessage(handle.slot, to: location)
        case .chunk(_, let id, let place):
            state.addChunk(id, place)
        case .update(let handle, let location, let carries), .moveUpdate(let handle, let location, let carries):
            guard state.index.entry(handle) != nil else { return }
            state.setUpdate(handle.slot, at: location, carries: carries)
        case .done(let handle, let targets):
            state.finish(handle, mark: active.sequence, targets: targets)
        case .mark(let targets):
            state.pin(active.sequence, targets)
        case .moveMessage(let handle, let location):
            guard state.index.entry(handle) != nil else { return }
            state.moveMessage(handle.slot, to: location)
        case .moveChunk(let id, let sequence, let location):
            state.moveChunk(id, sequence: sequence, to: location)
        case .moveMark(let from, let targets):
            state.pin(active.sequence, targets)
            if let segment = state.segments[from] {
                for target in targets {
                    guard let count = segment.pins[target] else { continue }
                    segment.pins[target] = count > 1 ? count - 1 : nil
                }
            }
        }
    }
}
