import Message
import Telemetry

/// What the writer, the readers and recovery share. *shared*.
final class SpoolStore: Sendable {
    let options: SpoolOptions
    let io: any SpoolIO
    let state = Guarded(SpoolState())
    let health = Guarded(SpoolHealth.ok)
    let metrics: SpoolMetrics

    /// Nothing on disk may change (inspection).
    let readOnly: Bool

    init(options: SpoolOptions, io: any SpoolIO, metrics: MetricRegistry, readOnly: Bool = false) {
        self.readOnly = readOnly
        self.options = options
        self.io = io
        self.metrics = SpoolMetrics(metrics)
    }

    var segmentsPath: String { options.directory + "/segments" }
    var corruptPath: String { options.directory + "/corrupt" }

    func segmentPath(_ sequence: UInt32) -> String { segmentsPath + "/" + SegmentName.active(sequence) }
    func freePath(_ sequence: UInt32) -> String { segmentsPath + "/" + SegmentName.free(sequence) }

    /// Fencing is for the life of the process: what a failing disk did with unsynced pages is unknown.
    func fence(_ failure: IOFailure) -> SpoolError {
        let reason = failure.reason
        health.withLock { health in
            if case .fenced = health { return }
            health = .fenced(reason)
            Log.error("spool \(options.directory): \(reason); the volume is fenced, nothing more is written to it")
        }
        return fencedError(reason)
    }

    func fencedError(_ reason: String) -> SpoolError {
        SpoolError(
            .fenced, "the volume \(options.directory) failed (\(reason)) and is fenced",
            remedy: "Check the disk and the kernel log, then restart the node; what was acknowledged is recovered")
    }

    func fullError(_ reason: String) -> SpoolError {
        SpoolError(.full, "no room in \(options.directory): \(reason)", remedy: "Free space on the volume or enlarge it")
    }

    /// What became of damaged bytes. *value*.
    enum Quarantine { case copied, known, failed }

    /// Copies damaged bytes to `corrupt/`. After `failed` their segment must stay.
    @discardableResult
    func quarantine(segment: UInt32, damage: SegmentScanner.Damage, bytes: UnsafeRawBufferPointer) -> Quarantine {
        let name = "\(SegmentName.active(segment).dropLast(4))-\(damage.offset)-\(damage.reason).bin"
        guard io.mayWrite else {
            // A look from outside: the refused attempt is what puts the damage into its report.
            _ = try? io.open(corruptPath + "/" + name, create: true)
            return .failed
        }
        let what = "corrupt record in segment \(segment) at \(damage.offset), \(damage.length) bytes: \(damage.reason)"
        let head = "apus corrupt record: segment \(segment) offset \(damage.offset) length \(damage.length) reason \(damage.reason)\n"
        do throws(IOFailure) {
            let fd = try io.open(corruptPath + "/" + name, create: true)
            let file = SegmentFile(io: io, fd: fd, size: 0, path: name)
            // Recovery may meet the same damage at each start until its segment dies: the copy is there already then.
            if try io.size(fd) >= head.utf8.count + bytes.count { return .known }
            var failure: IOFailure?
            var text = head
            text.withUTF8 { failure = file.write(UnsafeRawBufferPointer($0), at: 0).failure }
            if failure == nil { failure = file.write(bytes, at: head.utf8.count).failure }
            if let failure { throw failure }
            try io.synchronize(fd)
            try io.synchronizeDirectory(corruptPath)
            Log.error("spool \(options.directory): \(what); kept as corrupt/\(name)")
            return .copied
        } catch {
            Log.error("spool \(options.directory): \(what); cannot keep it as corrupt/\(name): \(error.reason)")
            return .failed
        }
    }
}
