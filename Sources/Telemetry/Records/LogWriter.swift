import Glibc
import Platform
internal import Synchronization

/// Where accounting records go. *Value.*
package enum LogDestination: Sendable {
    case directory(LogDirectoryOptions)
    /// One JSON line per record on descriptor 1.
    case standardOutput
    /// Called on the log thread with each batch.
    case function(@Sendable ([LogRecord]) -> Void)
}

/// One accounting log with a thread of its own. *Shared.*
///
/// `submit` never blocks and never throws. Up to `backPressure` records wait; beyond that each counts as
/// `log_submit_full`, `isCongested` turns true so that intake can answer 421/503, and records are still kept up to
/// `overflowBytes` of memory. Past that bound the newest record is dropped, counted in `log_records_lost` and reported on
/// the diagnostic log: memory is bounded, and no record vanishes without a trace. `isCongested` turns false again at half.
///
/// *Diagnostics*: a full or failing disk stalls the writer, which keeps its bytes and tries again each second.
package final class LogWriter: Sendable {
    private let core: LogWriterCore
    private let thread: WorkerThread
    private let isJoined = Atomic<Bool>(false)

    /// Prepares the destination and starts the thread. `name` is the label `logger` of the metrics.
    package convenience init(
        destination: LogDestination, selection: LogSelection = .everything, backPressure: Int = 128_000,
        overflowBytes: Int = 64 << 20, name: String = "local", metrics: MetricRegistry
    ) throws(TelemetryError) {
        try self.init(
            destination: destination, selection: selection, backPressure: backPressure, overflowBytes: overflowBytes,
            name: name, metrics: metrics, descriptor: STDOUT_FILENO,
            write: { Glibc.write($0, $1.baseAddress, $1.count) })
    }

    /// The same with the descriptor and `write(2)` replaceable.
    init(
        destination: LogDestination, selection: LogSelection, backPressure: Int, overflowBytes: Int, name: String,
        metrics: MetricRegistry, descriptor: Int32, write: @escaping LogFileWrite
    ) throws(TelemetryError) {
        switch destination {
        case .directory(let options):
            for directory in try Self.directories(of: options) {
                try LogDirectory.prepare(directory)
                let closed = LogDirectory.closeLeftovers(in: directory)
                if closed > 0 { Log.info("closed log segments left by a crash", ["directory": directory, "count": closed]) }
            }
        case .standardOutput:
            // A reader that goes away must not take the process with it.
            signal(SIGPIPE, SIG_IGN)
        case .function:
            break
        }
        do throws(ThreadShortage) {
            let core = try LogWriterCore(
                destination: destination, selection: selection, backPressure: backPressure, overflowBytes: overflowBytes,
                name: name, metrics: metrics, descriptor: descriptor, write: write)
            self.core = core
            self.thread = try WorkerThread(name: "log-\(name)") { core.run() }
        } catch {
            throw TelemetryError(.resourcesExhausted, error.message, remedy: error.remedy)
        }
    }

    deinit { close() }

    /// Queues one record. Never blocks.
    package func submit(_ record: LogRecord) { core.submit(record) }

    /// True while more records wait than the writer is meant to hold.
    package var isCongested: Bool { core.congested.load(ordering: .relaxed) }

    /// False while the volume of the log directory has less room than `min_free_space` or `min_free_inodes` asks for.
    /// Looked at every two seconds.
    package var hasSpace: Bool { core.roomy.load(ordering: .relaxed) }

    /// Ends the segments that are being written; the next record begins new ones. Returns at once.
    package func rotate() { core.rotate() }

    /// Writes what waits, finishes the segments and ends the thread. Blocks; never call it on an event loop. A destination
    /// that does not take its records within five seconds is given up, and the loss reported.
    package func close() {
        core.stop()
        guard isJoined.exchange(true, ordering: .acquiringAndReleasing) == false else { return }
        // The last reference may be dropped by the `function` destination itself.
        if thread.isCurrent { thread.detach() } else { thread.join() }
    }

    private static func directories(of options: LogDirectoryOptions) throws(TelemetryError) -> [String] {
        var directories = [options.directory]
        for type in LogRecordType.allCases {
            let rule = options.rule(for: type)
            guard rule.enable else { continue }
            if let suffix = rule.suffix, suffix.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) {
                throw TelemetryError(
                    .invalidOption, "per_record.\(type.rawValue).suffix \(suffix) contains a slash",
                    remedy: "use log_dir for another directory")
            }
            let directory = options.directory(for: rule)
            if !directories.contains(directory) { directories.append(directory) }
        }
        return directories
    }
}
