import Message
import Telemetry

/// What the writer, the readers and recovery share. *shared*.
final class SpoolStore: Sendable {
    let options: SpoolOptions
    let io: any SpoolIO
    let state = Guarded(SpoolState())
    let health = Guarded(SpoolHealth.ok)
    let metrics: SpoolMetrics
    /// What was found damaged in this process.
    let damages = Guarded(DamageList())
    /// The list of segments in use; nil when it cannot be kept.
    let ledger: Guarded<Ledger?>
    /// What `corrupt/` holds; nil until somebody needs to know.
    let kept = Guarded<(files: Int, bytes: Int)?>(nil)
    /// Why the directory is not where it was, if so; asked of a part of it.
    let absence: @Sendable (VolumePart) -> String?

    /// Nothing on disk may change (inspection).
    let readOnly: Bool

    init(
        options: SpoolOptions, io: any SpoolIO, metrics: MetricRegistry, readOnly: Bool = false,
        absence: @escaping @Sendable (VolumePart) -> String? = { _ in nil }
    ) {
        self.readOnly = readOnly
        self.options = options
        self.io = io
        self.metrics = SpoolMetrics(metrics)
        self.absence = absence
        ledger = Guarded(nil)
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

    func fullError(_ reason: String, _ shortage: Shortage = .space) -> SpoolError {
        SpoolError(.full, "no room in \(options.directory): \(reason)", remedy: shortage.remedy, detail: reason)
    }

    func missingError(_ reason: String) -> SpoolError {
        SpoolError(
            .missing, "the spool directory is not where it was: \(reason)",
            remedy: "Put the same directory back; if it is lost, restart the node with a new one")
    }
}
