package import Message
package import NIOCore
import Platform
package import Telemetry

/// The durable message log of one directory. *shared*: every method may be called from any thread and never blocks on I/O,
/// except `init` and `close`.
///
/// Diagnostics: `init` refuses directories that are not ours with a remedy; appends answer `.overloaded`, `.full`,
/// `.fenced`, `.tooLarge`, `.invalid` or `.closed`; reads `.gone`, `.corrupt` or `.io`. Corrupt records are copied to
/// `corrupt/`, counted and logged. Nothing a file contains makes the process trap.
package final class Spool: Sendable {
    private let store: SpoolStore
    private let volume: Guarded<Volume?>
    private let inbox = Guarded(Inbox())
    private let pool: ReadPool
    private let candidates: Guarded<[SegmentCatalog.Candidate]?>
    private let committer: Committer
    private let writerThread: Guarded<WorkerThread?>
    private let recoveryThread = Guarded<WorkerThread?>(nil)

    /// Locks the directory and reads the segment headers; does not scan.
    package convenience init(_ options: SpoolOptions, metrics: MetricRegistry) throws(SpoolError) {
        try self.init(options, metrics: metrics, io: SystemIO())
    }

    /// The same with other system calls underneath, for fault injection.
    package init(_ options: SpoolOptions, metrics: MetricRegistry, io: any SpoolIO) throws(SpoolError) {
        let options = options.normalized
        let volume = try Volume(directory: options.directory, nodeID: options.nodeID, epoch: options.epoch)
        let store = SpoolStore(options: options, io: io, metrics: metrics) { [weak volume] part in
            part == .all ? volume?.absence : volume?.segmentsAbsence
        }
        for damage in volume.damages { store.report(damage) }
        let catalog: SegmentCatalog
        do {
            catalog = try SegmentCatalog.load(store, expectsLedger: volume.remembers("ledger"))
        } catch {
            throw SpoolError(
                .io, "cannot read \(store.segmentsPath): \(error.reason)",
                remedy: error.shortage?.remedy ?? "Check the volume and its permissions")
        }
        store.ledger.withLock {
            $0 = Ledger.make(
                io: io, directory: options.directory, node: options.nodeID, epoch: options.epoch, entries: catalog.entries)
        }
        if store.ledger.withLock({ $0?.isWritten ?? false }) { try volume.remember("ledger") }
        Recovery.begin(store, nothing: catalog.segments.isEmpty)
        let inbox = self.inbox
        var nextSequence = catalog.nextSequence
        var free = catalog.free
        if free.isEmpty { free = SpareSegments.prepare(count: options.spareSegments, from: &nextSequence, store: store) }
        let (firstSequence, spares) = (nextSequence, free)
        let writer = SpoolWriter(store: store, nextSequence: firstSequence, freeFiles: spares)
        writer.mend = { [weak volume] in volume?.mend() }
        let committer = Committer(inbox, writer)
        let thread: WorkerThread
        do throws(ThreadShortage) {
            thread = try WorkerThread(name: "spool-write") { committer.run() }
        } catch { throw SpoolError(.io, error.message, remedy: error.remedy) }
        self.committer = committer
        self.store = store
        self.volume = Guarded(volume)
        writerThread = Guarded(thread)
        candidates = Guarded(catalog.segments)
        pool = ReadPool(count: options.readThreads)
    }

    deinit { close() }

    // MARK: Recovery

    /// Finds the messages of earlier lives, newest segment first, on threads of its own; to be called once, soon after
    /// `init`: until it has finished no segment is given up. Appends work meanwhile. `batch` and `finished` are called from the recovery thread, in order.
    package func recover(
        batch: @escaping @Sendable ([RecoveredMessage]) -> Void, finished: @escaping @Sendable (RecoverySummary) -> Void
    ) {
        let taken = candidates.withLock { candidates -> [SegmentCatalog.Candidate]? in
            defer { candidates = nil }
            return candidates
        }
        guard let taken else { return }
        let (store, inbox) = (store, inbox)
        let thread = try? WorkerThread(name: "spool-recover") {
            let recovery = Recovery(
                store: store, candidates: taken,
                submit: { command in
                    inbox.withLock { $0.add(command) }
                    inbox.broadcast()
                }, batch: batch)
            let summary = recovery.run(workers: 2, stop: { inbox.withLock { $0.closing } })
            finished(summary)
            // Lets the writer look for dead segments at once.
            inbox.withLock { $0.urgent = true }
            inbox.broadcast()
        }
        recoveryThread.withLock { $0 = thread }
    }

    // MARK: Writing

    /// Asks for `drafts` (one transaction) to be kept; the mailbox hears of it after the commit.
    ///
    /// Success carries one handle for each draft, in order. After a failure nothing of the transaction is kept. A draft whose
    /// id is live already replaces that message and gets its handle.
    package func append(_ drafts: [SpoolDraft], durability: Durability, ticket: UInt64, to mailbox: any SpoolMailbox) {
        submit(.append(drafts, durability, ticket: ticket, mailbox), weight: SpoolDraft.weight(of: drafts), ticket: ticket, mailbox)
    }

    /// Adds piece `sequence` (0, 1, 2 …) to a streamed body. Answered once written, with no handles; the fsync of the message
    /// that refers to the body covers its pieces. A body no message refers to is dropped by `abandon` or at the next start.
    package func appendChunk(_ body: MessageID, sequence: Int, bytes: ByteBuffer, ticket: UInt64, to mailbox: any SpoolMailbox) {
        submit(.chunk(body, sequence: sequence, bytes, ticket: ticket, mailbox), weight: bytes.readableBytes + 256, ticket: ticket, mailbox)
    }

    private func submit(_ command: SpoolCommand, weight: Int, ticket: UInt64, _ mailbox: any SpoolMailbox) {
        let open = inbox.withLock { inbox -> Bool in
            if inbox.closing || inbox.closed { return false }
            if inbox.backlog > 0, inbox.backlog + weight > store.options.maxBacklog {
                let error = SpoolError(
                    .overloaded, "\(inbox.backlog) bytes wait to be written, at most \(store.options.maxBacklog) may",
                    remedy: "Try again later")
                inbox.add(.refuse(error, ticket: ticket, mailbox), weight: 64)
            } else {
                inbox.add(command, weight: weight)
            }
            return true
        }
        if open {
            inbox.broadcast()
        } else {
            mailbox.deliver([SpoolCompletion(ticket: ticket, result: .failure(.closed))])
        }
    }

    /// Drops a streamed body that no message refers to.
    package func abandon(body: MessageID) { ride(.abandon(body)) }

    /// Records an attempt; rides the next commit. `meta` and `queue` replace what the message has unless nil. A message of
    /// durability `memory` is written by this.
    package func update(
        _ handle: SpoolHandle, attempts: Int, due: Int64, lastReply: String, meta: [(String, String)]? = nil, queue: String? = nil
    ) {
        let record = UpdateRecord(
            attempts: attempts, due: due, lastReply: lastReply, queue: queue, meta: meta?.map { (key: $0.0, value: $0.1) })
        ride(.update(handle, record))
    }

    /// The message is delivered, bounced or expired; rides the next commit. The handle is invalid from then on.
    package func done(_ handle: SpoolHandle) { ride(.done(handle)) }

    private func ride(_ command: SpoolCommand) {
        let now = monotonicNow()
        let wake = inbox.withLock { inbox in
            // What comes after close cannot be kept; a repeated delivery is what the contract allows.
            inbox.closed ? false : inbox.addLazy(command, now: now)
        }
        if wake { inbox.broadcast() }
    }

    /// Answers, with no handles, when every `update` and `done` before it is committed: `read` sees them then. Fails when they could not
    /// be written yet.
    package func barrier(ticket: UInt64, to mailbox: any SpoolMailbox) {
        submit(.barrier(ticket: ticket, mailbox), weight: 0, ticket: ticket, mailbox)
    }

    /// Writes every draft of durability `memory` and syncs; from now on such drafts are written when they come. For a node that begins to
    /// stop: whatever happens to it afterwards, nothing it has acknowledged is lost. Answered like `barrier`.
    package func writeDrafts(ticket: UInt64, to mailbox: any SpoolMailbox) {
        submit(.writeDrafts(ticket: ticket, mailbox), weight: 0, ticket: ticket, mailbox)
    }

    // MARK: Reading

    /// Reads a message back, its latest committed update applied.
    package func read(_ handle: SpoolHandle, ticket: UInt64, reply: @escaping @Sendable (Result<SpoolMessage, SpoolError>) -> Void) {
        let reader = MessageReader(store: store)
        if !pool.submit({ reply(reader.message(handle)) }) { reply(.failure(readRefusal)) }
    }

    /// Reads a piece of a body: fewer bytes than `length` at its end, none beyond.
    package func readBody(
        _ handle: SpoolHandle, offset: Int, length: Int, reply: @escaping @Sendable (Result<ByteBuffer, SpoolError>) -> Void
    ) {
        let reader = MessageReader(store: store)
        if !pool.submit({ reply(reader.body(handle, offset: offset, length: length)) }) { reply(.failure(readRefusal)) }
    }

    private var readRefusal: SpoolError {
        inbox.withLock { $0.closing } ? .closed : SpoolError(.overloaded, "too many reads wait", remedy: "Try again later")
    }

    // MARK: State

    /// Whether appends are taken. Cheap: one uncontended lock.
    package var health: SpoolHealth { store.health.withLock { $0 } }

    /// What was found damaged in the directory, as far as it is kept in memory.
    package var damages: [SpoolDamage] { store.damages.withLock { $0.items } }

    /// Notes damage that somebody else met in the directory.
    package func report(_ damage: SpoolDamage) { store.report(damage) }

    /// Whether `remember` was called with that word for this directory, by this process or an earlier one.
    package func remembers(_ word: String) -> Bool { volume.withLock { $0?.remembers(word) ?? false } }

    /// Notes in `OWNER`, durably, that a file must be there from now on. Blocks.
    package func remember(_ word: String) throws(SpoolError) {
        try volume.withLock { volume throws(SpoolError) in try volume?.remember(word) }
    }

    /// Live messages, those of durability `memory` included.
    package var messageCount: Int { store.state.withLock { $0.index.count } }

    /// The live message of that id, if there is one.
    package func handle(of id: MessageID) -> SpoolHandle? {
        store.state.withLock { state in state.index.find(id).map { state.index.handle($0) } }
    }

    /// Segments in use.
    package var segmentCount: Int { store.state.withLock { $0.segments.count } }

    /// Writes everything, drafts in memory included, syncs, ends the threads and gives the lock back. Later calls do nothing.
    package func close() {
        inbox.withLock { $0.closing = true }
        inbox.broadcast()
        recoveryThread.withLock { thread -> WorkerThread? in
            defer { thread = nil }
            return thread
        }?.join()
        writerThread.withLock { thread -> WorkerThread? in
            defer { thread = nil }
            return thread
        }?.join()
        pool.close()
        volume.withLock { $0 = nil }
    }
}
