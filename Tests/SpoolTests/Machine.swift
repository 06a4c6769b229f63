import Message
import NIOCore
import Telemetry

@testable import Spool

/// Collects completions. *shared*.
final class Collector: SpoolMailbox {
    private let state = Guarded<(completions: [SpoolCompletion], calls: Int)>(([], 0))
    func deliver(_ completions: [SpoolCompletion]) {
        state.withLock {
            $0.completions += completions
            $0.calls += 1
        }
        state.broadcast()
    }
    func take() -> [SpoolCompletion] {
        state.withLock { state in
            defer { state.completions = [] }
            return state.completions
        }
    }
    var calls: Int { state.withLock { $0.calls } }
    /// Waits until `count` completions are there, at most 20 s.
    func wait(_ count: Int) -> [SpoolCompletion] {
        _ = state.wait(until: monotonicNow() + 20_000_000_000) { $0.completions.count >= count ? true : nil }
        return take()
    }
}

/// The parts of a spool without its threads, driven by the test with its own clock. *loop-confined*.
final class Machine {
    let disk: MemoryDisk
    let store: SpoolStore
    let writer: SpoolWriter
    let candidates: [SegmentCatalog.Candidate]
    let mailbox = Collector()
    /// Why the directory is not there, when a test says so.
    let absence: Guarded<String?>
    var clock: Int64 = 1_000_000_000
    var ticket: UInt64 = 0

    static func options(_ change: (inout SpoolOptions) -> Void = { _ in }) -> SpoolOptions {
        var options = SpoolOptions(
            directory: "/spool", nodeID: "n", segmentSize: 16 << 10, minFreeSpace: 0, minFreeInodes: 0,
            compactionBytesPerSecond: 1 << 30, maxFreeSegments: 3)
        change(&options)
        return options
    }

    init(_ disk: MemoryDisk, _ options: SpoolOptions = Machine.options()) throws {
        self.disk = disk
        let absence = Guarded<String?>(nil)
        self.absence = absence
        store = SpoolStore(options: options, io: disk, metrics: MetricRegistry()) { _ in absence.withLock { $0 } }
        let catalog = try SegmentCatalog.load(store)
        store.ledger.withLock {
            $0 = Ledger.make(io: disk, directory: options.directory, node: "n", epoch: 1, entries: catalog.entries)
        }
        candidates = catalog.segments
        Recovery.begin(store)
        writer = SpoolWriter(store: store, nextSequence: catalog.nextSequence, freeFiles: catalog.free)
    }

    var reader: MessageReader { MessageReader(store: store) }

    /// Recovers synchronously; `during` is called after each batch, as a node would.
    @discardableResult
    func recover(workers: Int = 1, during: ([RecoveredMessage]) -> Void = { _ in }) -> (found: [RecoveredMessage], summary: RecoverySummary)
    {
        var found: [RecoveredMessage] = []
        var commands: [SpoolCommand] = []
        let summary = withoutActuallyEscaping(during) { during in
            let recovery = Recovery(
                store: store, candidates: candidates, submit: { commands.append($0) },
                batch: {
                    found += $0
                    during($0)
                })
            return recovery.run(workers: workers)
        }
        if !commands.isEmpty { commit(commands) }
        return (found, summary)
    }

    func commit(_ commands: [SpoolCommand], lazy: Bool = true) {
        clock += 1_000_000
        writer.commit(commands, lazySince: lazy ? clock : nil, now: clock)
    }

    /// Commits so that everything so far is durable.
    func settle() {
        clock += 1_000_000
        writer.commit([], lazySince: nil, now: clock, force: true)
    }

    func append(_ drafts: [SpoolDraft], _ durability: Durability = .fsync) -> Result<[SpoolHandle], SpoolError> {
        ticket += 1
        commit([.append(drafts, durability, ticket: ticket, mailbox)], lazy: false)
        return mailbox.take().last!.result
    }

    func chunk(_ id: MessageID, _ sequence: Int, _ bytes: ByteBuffer) -> Result<[SpoolHandle], SpoolError> {
        ticket += 1
        commit([.chunk(id, sequence: sequence, bytes, ticket: ticket, mailbox)], lazy: false)
        return mailbox.take().last!.result
    }

    func housekeep(_ times: Int = 1) {
        for _ in 0..<times {
            clock += 200_000_000
            _ = writer.housekeep(clock)
        }
    }
}

/// Messages whose content follows from their number. *value*.
enum Sample {
    static func id(_ n: UInt64) -> MessageID { MessageID(high: n / 7, low: n) }

    static func body(_ n: UInt64, _ size: Int) -> ByteBuffer {
        var random = SplitMix(n)
        var bytes = ByteBuffer()
        var left = size
        while left > 0 {
            var word = random.next()
            let take = min(8, left)
            withUnsafeBytes(of: &word) { _ = bytes.writeBytes($0[..<take]) }
            left -= take
        }
        return bytes
    }

    static func headers(_ n: UInt64) -> ByteBuffer { ByteBuffer(string: "Subject: number \(n)\r\n\r\n") }

    static func envelope(_ n: UInt64) -> SpoolEnvelope {
        SpoolEnvelope(
            sender: "sender\(n)@example.com", recipients: ["a\(n)@example.org", "b@example.org"], queue: "q\(n % 5)",
            created: Int64(n) * 1000,
            due: Int64(n) * 1000 + 5, expires: Int64(n % 3), meta: [("tenant", "\"t\(n)\"")])
    }

    static func draft(_ n: UInt64, size: Int = 100) -> SpoolDraft {
        SpoolDraft(id: id(n), envelope: envelope(n), headers: headers(n), body: .inline(body(n, size)))
    }
}

extension SpoolBody {
    var inlineBytes: ByteBuffer? {
        switch self {
        case .inline(let bytes), .inlineShared(_, let bytes): bytes
        case .shared: nil
        }
    }
}
