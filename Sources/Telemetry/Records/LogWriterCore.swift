import Platform
internal import Synchronization

/// What the thread of a `LogWriter` and its callers share. *Shared.*
final class LogWriterCore: Sendable {
    /// How long records gather before a batch is written: nobody waits for them, and each wake-up costs a loop a system call.
    private static let linger: Int64 = 20_000_000
    private static let spaceInterval: Int64 = 2_000_000_000
    private static let stallInterval: Int64 = 1_000_000_000
    private static let closeLimit: Int64 = 5_000_000_000

    let congested = Atomic<Bool>(false)
    let roomy = Atomic<Bool>(true)
    private let wantsRotation = Atomic<Bool>(false)

    private let mailbox: Mutex<LogMailbox>
    private let wakeup: Wakeup
    private let destination: LogDestination
    private let selection: LogSelection
    private let descriptor: Int32
    private let write: LogFileWrite
    private let name: String
    private let full: Counter
    private let lost: Counter
    private let latency: Histogram

    init(
        destination: LogDestination, selection: LogSelection, backPressure: Int, overflowBytes: Int, name: String,
        metrics: MetricRegistry, descriptor: Int32, write: @escaping LogFileWrite
    ) throws(ThreadShortage) {
        self.mailbox = Mutex(LogMailbox(capacity: backPressure, overflowLimit: overflowBytes))
        self.wakeup = try Wakeup()
        self.destination = destination
        self.selection = selection
        self.descriptor = descriptor
        self.write = write
        self.name = name
        self.full = metrics.counter(
            "log_submit_full", "Records submitted while the log's back pressure limit was reached.", labels: ["logger"]
        ).with(name)
        self.lost = metrics.counter(
            "log_records_lost", "Records dropped because the log could not take them.", labels: ["logger"]
        ).with(name)
        self.latency = metrics.histogram(
            "log_submit_latency", "Seconds a caller spends to submit one record.", labels: ["logger"],
            buckets: [0.000001, 0.00001, 0.0001, 0.001, 0.01, 0.1, 1]
        ).with(name)
        checkSpace()
    }

    func submit(_ record: LogRecord) {
        let start = SystemClock.monotonicNanoseconds()
        let outcome = mailbox.withLock { mailbox in
            let outcome = mailbox.submit(record)
            // Stored under the lock, or a stale value could overtake a newer one.
            congested.store(mailbox.isCongested, ordering: .relaxed)
            return outcome
        }
        switch outcome {
        case .kept(let wake):
            if wake { wakeup.signal() }
        case .overflowed(let wake):
            full.add()
            if wake { wakeup.signal() }
        case .lost:
            full.add()
            reportLoss(1)
        }
        latency.observe(nanoseconds: SystemClock.monotonicNanoseconds() - start)
    }

    func stop() {
        mailbox.withLock { $0.close() }
        wakeup.signal()
    }

    /// Ends the segments that are being written, soon.
    func rotate() {
        wantsRotation.store(true, ordering: .releasing)
        wakeup.signal()
    }

    private func reportLoss(_ count: Int) {
        guard count > 0 else { return }
        lost.add(count)
        Log.error("accounting records lost: the log does not take them", ["logger": name, "count": count])
    }

    private func checkSpace() {
        guard case .directory(let options) = destination else { return }
        // A volume that cannot be asked is treated as full: better to refuse mail than to lose its records.
        let hasRoom = FreeSpaceFloor.volumeHasRoom(
            at: options.directory, space: options.minFreeSpace, inodes: options.minFreeInodes)
        let isRoomy = hasRoom ?? false
        guard roomy.exchange(isRoomy, ordering: .relaxed) != isRoomy else { return }
        guard isRoomy else {
            return Log.error(
                "the volume of the log is below min_free_space or min_free_inodes: new mail is refused",
                ["logger": name, "directory": options.directory, "remedy": "remove old log segments or enlarge the volume"])
        }
        Log.warn("the volume of the log has room again: new mail is taken", ["logger": name, "directory": options.directory])
    }

    private func makeSink() -> any LogSink {
        switch destination {
        case .directory(let options):
            return DirectorySink(options: options, selection: selection, write: write)
        case .standardOutput:
            return DescriptorSink(descriptor: descriptor, selection: selection, write: write) { [weak self] count in
                self?.reportLoss(count)
            }
        case .function(let function):
            return FunctionSink(function)
        }
    }

    /// The thread's life.
    func run() {
        let sink = makeSink()
        var batch: ArraySlice<LogRecord> = []
        var spaceDue = SystemClock.monotonicNanoseconds() + Self.spaceInterval
        var giveUp: Int64?
        while true {
            let now = LogInstant.now()
            if now.monotonic >= spaceDue {
                checkSpace()
                spaceDue = now.monotonic + Self.spaceInterval
            }
            sink.service(at: now)
            if batch.isEmpty { batch = take() }
            while let record = batch.first, sink.append(record, at: now) { batch.removeFirst() }
            if batch.isEmpty { sink.endBatch() }
            if batch.isEmpty, wantsRotation.exchange(false, ordering: .acquiringAndReleasing), !sink.rotate() {
                wantsRotation.store(true, ordering: .releasing)  // with the next turn
            }

            let (isClosed, waiting) = mailbox.withLock { ($0.isClosed, $0.count) }
            let stalled = !batch.isEmpty
            if isClosed {
                let limit = giveUp ?? now.monotonic + Self.closeLimit
                giveUp = limit
                if !stalled, waiting == 0, sink.finish() { return }
                if now.monotonic >= limit {
                    reportLoss(batch.count + waiting)
                    return
                }
                if stalled || waiting == 0 { pause(50_000_000) }
            } else if stalled {
                pause(Self.stallInterval)
            } else if waiting == 0 {
                let due = min(sink.nextService ?? .max, spaceDue)
                sleep(until: due, now: now.monotonic)
            }
        }
    }

    private func take() -> ArraySlice<LogRecord> {
        mailbox.withLock { mailbox in
            let records = mailbox.take()
            congested.store(mailbox.isCongested, ordering: .relaxed)
            return records[...]
        }
    }

    /// Waits for the first record, then a moment for more.
    private func sleep(until due: Int64, now: Int64) {
        guard mailbox.withLock({ $0.willSleep() }) else { return }
        wakeup.wait(nanoseconds: due - now)
        mailbox.withLock { $0.didWake() }
        let hasRecords = mailbox.withLock { $0.count > 0 && $0.willLinger() }
        if hasRecords {
            wakeup.wait(nanoseconds: Self.linger)
            mailbox.withLock { $0.didWake() }
        }
    }

    private func pause(_ nanoseconds: Int64) { wakeup.wait(nanoseconds: nanoseconds) }
}
