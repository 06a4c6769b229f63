import Message
import Telemetry

/// Brings the messages of earlier lives back, newest segment first, while the writer takes new mail. *loop-confined* to the
/// recovery thread; preparation of segments runs ahead on worker threads.
///
/// Newest first, and each segment from its end: so a fate (done, update) is always met before the record it speaks of,
/// and of several copies of a record the one that counts is met first.
final class Recovery {
    private let store: SpoolStore
    private let candidates: [SegmentCatalog.Candidate]
    private let submit: (SpoolCommand) -> Void
    private let batch: ([RecoveredMessage]) -> Void
    private var summary = RecoverySummary()
    private var updates: [MessageID: (Location, UpdateRecord)] = [:]
    /// Messages whose shared body is not complete yet, by body.
    private var incomplete: [MessageID: [(RecoveredMessage, MessageRecord.Shared, Int)]] = [:]
    /// The segment whose records are being applied.
    private var applying: UInt32 = 0
    private var queueNames: [String: String] = [:]
    private static let batchSize = 1024

    /// `submit` hands a mark to the writer; `batch` receives what was found.
    init(
        store: SpoolStore, candidates: [SegmentCatalog.Candidate], submit: @escaping (SpoolCommand) -> Void,
        batch: @escaping ([RecoveredMessage]) -> Void
    ) {
        self.store = store
        self.candidates = candidates
        self.submit = submit
        self.batch = batch
    }

    /// Must run before the writer makes its first commit, so that no done mark is missed. With `nothing` to recover the
    /// spool is whole at once.
    static func begin(_ store: SpoolStore, nothing: Bool = false) {
        store.state.withLock {
            $0.fates = nothing ? nil : [:]
            $0.recovered = nothing
        }
    }

    func run(workers: Int, stop: () -> Bool = { false }) -> RecoverySummary {
        let started = monotonicNow()
        if !store.readOnly, !candidates.isEmpty {
            do { try store.io.synchronizeDirectory(store.segmentsPath) } catch {
                // Short of descriptors: nothing is given up before the next try, which `retireOne` makes.
                if error.shortage == nil { _ = store.fence(error) }
            }
        }
        let pipeline = PreparationPipeline(candidates: candidates, store: store, workers: workers)
        for index in candidates.indices {
            if stop() { break }
            guard let prepared = pipeline.take(index) else { break }
            apply(prepared, candidates[index])
        }
        pipeline.stop()
        if !stop() { complete() }
        summary.nanoseconds = monotonicNow() - started
        return summary
    }

    private func apply(_ prepared: PreparedSegment, _ candidate: SegmentCatalog.Candidate) {
        // After a kill the pages of the former process may be in the cache only. Decisions made from them (this copy is
        // the newer one, that message is done) give segments up durably, so they must be durable first.
        if !store.readOnly, !candidate.isUnreadable {
            do { try store.io.synchronize(candidate.file.fd) } catch { _ = store.fence(error) }
        }
        summary.segments += 1
        summary.records += prepared.records.count
        applying = candidate.sequence
        summary.corruptRecords += prepared.corrupt
        summary.tornTails += prepared.torn
        summary.bytesScanned += prepared.bytes
        store.metrics.corruptRecords.add(prepared.corrupt)
        let names = prepared.queues.map { name -> String in
            if let known = queueNames[name] { return known }
            queueNames[name] = name
            return name
        }
        let segment = Segment(
            sequence: candidate.sequence, life: prepared.life, file: candidate.file, used: prepared.usedEnd, sealed: true)
        segment.keep = prepared.keep
        if !store.readOnly, !candidate.isUnreadable, !prepared.records.isEmpty {
            let used = max(prepared.recordsEnd, candidate.expected?.used ?? 0)
            store.ledger.withLock { $0?.note(candidate.sequence, life: prepared.life, used: used) }
        }
        store.state.withLock { $0.segments[candidate.sequence] = segment }
        var end = prepared.records.count
        while end > 0 {
            // The lock is given back now and then: appends go on meanwhile.
            let start = max(0, end - Self.batchSize)
            var found: [RecoveredMessage] = []
            var commands: [SpoolCommand] = []
            store.state.withLock { state in
                for index in stride(from: end - 1, through: start, by: -1) {
                    apply(prepared.records[index], names, to: &state, &found, &commands)
                }
            }
            end = start
            for command in commands { submit(command) }
            summary.messages += found.count
            if !found.isEmpty { batch(found) }
        }
    }

    private func apply(
        _ record: PreparedRecord, _ names: [String], to state: inout SpoolState, _ found: inout [RecoveredMessage],
        _ commands: inout [SpoolCommand]
    ) {
        switch record {
        case .done(let id, let targets):
            // Older than a live record of the same id: it speaks of a former life.
            if state.index.find(id) != nil || state.fates?[id] != nil { return }
            state.fates?[id] = SpoolState.DoneFate(mark: applying, targets: targets)
        case .update(let id, let location, let update):
            if state.index.find(id) != nil || updates[id] != nil || state.fates?[id] != nil { return }
            updates[id] = (location, update)
        case .chunk(let id, let place):
            state.addChunk(id, place, recovered: true)
            guard let slot = state.bodies.find(id), incomplete[id] != nil else { return }
            release(id, state.bodies[slot], &found)
        case .message(let message):
            applyMessage(message, names[message.queue], to: &state, &found, &commands)
        }
    }

    private func applyMessage(
        _ message: PreparedMessage, _ queue: String, to state: inout SpoolState, _ found: inout [RecoveredMessage],
        _ commands: inout [SpoolCommand]
    ) {
        let sequence = message.location.segment
        if let slot = state.index.find(message.id) {
            summary.finished += 1
            // An older copy. Whoever finishes the live one must name this segment too.
            if state.index[slot].state == .stored, state.index[slot].location.segment != sequence {
                state.segments[state.index[slot].location.segment]?.inherits.insert(sequence)
            }
            return
        }
        if let fate = state.fates?[message.id] {
            summary.finished += 1
            state.pin(fate.mark, [sequence])
            if fate.mark != sequence, !fate.targets.contains(sequence) {
                // The mark on disk does not know of this copy; compaction would drop it too early.
                commands.append(.mark(message.id, targets: [sequence]))
            }
            return
        }
        guard let handle = state.insert(message.id, at: message.location, body: message.body?.id, recovered: true) else { return }
        var result = RecoveredMessage(
            handle: handle, id: message.id, queue: queue, due: message.due, attempts: message.attempts, created: message.created,
            expires: message.expires, size: message.size, lastReply: message.lastReply)
        if let (location, update) = updates.removeValue(forKey: message.id) {
            state.setUpdate(handle.slot, at: location, carries: update.meta != nil || update.queue != nil)
            result.due = update.due
            result.attempts = update.attempts
            result.lastReply = update.lastReply.isEmpty ? nil : update.lastReply
            if let moved = update.queue {
                if let known = queueNames[moved] {
                    result.queue = known
                } else {
                    queueNames[moved] = moved
                    result.queue = moved
                }
            }
        }
        guard let shared = message.body else {
            found.append(result)
            return
        }
        incomplete[shared.id, default: []].append((result, shared, message.bodyLength))
        if let slot = state.bodies.find(shared.id) { release(shared.id, state.bodies[slot], &found) }
    }

    /// Hands out the messages of a body that has become complete.
    private func release(_ id: MessageID, _ body: SharedBody?, _ found: inout [RecoveredMessage]) {
        guard let body, let waiting = incomplete[id] else { return }
        var rest: [(RecoveredMessage, MessageRecord.Shared, Int)] = []
        for item in waiting {
            if body.length(of: item.1.chunks) == item.2 { found.append(item.0) } else { rest.append(item) }
        }
        incomplete[id] = rest.isEmpty ? nil : rest
    }

    private func complete() {
        // Their bodies will not come any more. They are mail all the same: reading them says what is missing.
        var damaged: [RecoveredMessage] = []
        for waiting in incomplete.values { damaged.append(contentsOf: waiting.map { $0.0 }) }
        incomplete.removeAll()
        summary.damagedBodies = damaged.count
        summary.messages += damaged.count
        if !damaged.isEmpty {
            Log.error("spool \(store.options.directory): \(damaged.count) messages miss pieces of their body")
            batch(damaged)
        }
        summary.orphanBodies = store.state.withLock { state in
            let orphans = state.dropOrphans()
            state.fates = nil
            state.recovered = true
            return orphans
        }
        if !store.readOnly { store.ledger.withLock { $0?.synchronize() } }
        let damages = store.damages.withLock { $0 }
        summary.damagedFiles = damages.files
        summary.corruptRecords += damages.segments
        let counts = summary
        let line =
            "spool \(store.options.directory): \(counts.messages) messages in \(counts.segments) segments, "
            + "\(counts.corruptRecords) corrupt records, \(counts.damagedFiles) damaged files"
        if counts.corruptRecords > 0 || counts.damagedFiles > 0 {
            Log.warn(line + "; `apus spool check` and /readyz?verbose=1 name them")
        } else {
            Log.info(line)
        }
    }
}
