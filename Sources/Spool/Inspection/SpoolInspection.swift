package import Message
import NIOCore
import Telemetry

/// What `check` found. *value*.
package struct SpoolReport: Sendable, Equatable {
    package var segments = 0
    package var freeSegments = 0
    package var messages = 0
    package var finished = 0
    package var records = 0
    package var bytes = 0
    /// One sentence for each damaged record.
    package var damage: [String] = []
    /// Messages whose shared body is incomplete.
    package var damagedBodies = 0
}

/// One live message of an offline spool. *value*.
package struct SpoolListing: Sendable {
    package let id: MessageID
    package let segment: Int
    package let offset: Int
    package let size: Int
    /// With the latest update applied.
    package let envelope: SpoolEnvelope
}

/// Offline look into a spool whose node is down. Read-only: nothing in the directory changes, damage is reported, not moved.
/// Refuses with `.locked` while a node runs on it.
package enum SpoolInspection {
    /// Verifies every record.
    package static func check(_ directory: String) throws -> SpoolReport {
        try InspectedSpool(directory).report()
    }

    /// Calls `each` with every live message, in no particular order.
    package static func list(_ directory: String, each: (SpoolListing) throws -> Void) throws {
        try InspectedSpool(directory).list(each)
    }

    /// The live message with this id, its body whole; nil when there is none.
    package static func message(_ directory: String, id: MessageID) throws -> SpoolMessage? {
        try InspectedSpool(directory).message(id)
    }
}

/// A spool recovered into memory with system calls that refuse to write. *loop-confined*.
private final class InspectedSpool {
    private let volume: Volume
    private let store: SpoolStore
    private let io: ReadOnlyIO
    private var handles: [SpoolHandle] = []
    private let summary: RecoverySummary
    private let free: Int

    init(_ directory: String) throws {
        volume = try Volume(inspecting: directory)
        io = ReadOnlyIO()
        let options = SpoolOptions(directory: directory, nodeID: "inspection", maxFreeSegments: 0, wholeBodyLimit: Int.max)
        store = SpoolStore(options: options, io: io, metrics: MetricRegistry(), readOnly: true)
        let catalog: SegmentCatalog
        do {
            catalog = try SegmentCatalog.load(io: io, directory: store.segmentsPath, options: options, readOnly: true)
        } catch {
            throw SpoolError(.io, "cannot read \(store.segmentsPath): \(error.reason)", remedy: "Check the volume and its permissions")
        }
        free = try io.list(store.segmentsPath).count - catalog.segments.count
        Recovery.begin(store)
        var found: [SpoolHandle] = []
        let recovery = Recovery(
            store: store, candidates: catalog.segments, submit: { _ in }, batch: { found.append(contentsOf: $0.map(\.handle)) })
        summary = recovery.run(workers: 1)
        handles = found
    }

    func report() -> SpoolReport {
        var report = SpoolReport()
        report.segments = summary.segments
        report.freeSegments = free
        report.messages = summary.messages
        report.bytes = summary.bytesScanned
        report.damagedBodies = summary.damagedBodies
        report.damage = io.damage
        report.records = summary.records
        report.finished = summary.finished
        return report
    }

    func list(_ each: (SpoolListing) throws -> Void) throws {
        let reader = MessageReader(store: store)
        for handle in handles {
            guard let entry = store.state.withLock({ $0.index.entry(handle) }) else { continue }
            let message = try reader.envelope(handle).get()
            try each(
                SpoolListing(
                    id: entry.id, segment: Int(entry.location.segment), offset: Int(entry.location.offset), size: message.size,
                    envelope: message.envelope))
        }
    }

    func message(_ id: MessageID) throws -> SpoolMessage? {
        guard let handle = store.state.withLock({ state in state.index.find(id).map { state.index.handle($0) } }) else { return nil }
        return try MessageReader(store: store).message(handle).get()
    }
}
