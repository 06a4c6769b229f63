import Glibc
package import Message
import NIOCore
import Telemetry

/// A look into a spool, whether a node runs on it or not. Read-only and without a lock: nothing in the directory changes, damage is
/// reported, not moved. Of a running node it shows a moment: messages that come or go meanwhile may be missing.
package enum SpoolInspection {
    /// Verifies every record and every file of the spool itself.
    package static func check(_ directory: String) throws -> SpoolReport {
        try InspectedSpool.settled(directory).report()
    }

    /// Calls `each` with every live message, in no particular order. Answers what could not be read.
    @discardableResult
    package static func list(_ directory: String, each: (SpoolListing) throws -> Void) throws -> [String] {
        try InspectedSpool.settled(directory).list(each)
    }

    /// The live message with this id, its body whole; nil when there is none.
    package static func message(_ directory: String, id: MessageID) throws -> SpoolMessage? {
        try InspectedSpool.settled(directory).message(id)
    }

    /// Whether some process holds the lock of the spool.
    package static func isInUse(_ directory: String) -> Bool {
        var info = stat()
        guard stat(directory, &info) == 0, let locks = fopen("/proc/locks", "r") else { return false }
        defer { fclose(locks) }
        // Asking with flock would take the lock for a moment, and a node that starts just then would be refused.
        let inode = ":\(info.st_ino) "
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, 512, locks) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.contains("FLOCK"), text.contains(inode) { return true }
        }
        return false
    }
}

/// A spool recovered into memory with system calls that refuse to write. *loop-confined*.
private final class InspectedSpool {
    private let store: SpoolStore
    private let io: ReadOnlyIO
    private var handles: [SpoolHandle] = []
    private let summary: RecoverySummary
    private let free: Int
    private let lives: [UInt32: UInt64]

    /// Reads again while a running node changes what is being read.
    static func settled(_ directory: String) throws -> InspectedSpool {
        var spool = try InspectedSpool(directory)
        for _ in 0..<5 where SpoolInspection.isInUse(directory) {
            if spool.isSettled { break }
            usleep(100_000)
            spool = try InspectedSpool(directory)
        }
        return spool
    }

    init(_ directory: String) throws {
        var directory = directory
        while directory.utf8.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        io = ReadOnlyIO()
        let options = SpoolOptions(directory: directory, nodeID: "inspection", maxFreeSegments: 0, wholeBodyLimit: Int.max)
        store = SpoolStore(options: options, io: io, metrics: MetricRegistry(), readOnly: true)
        let words = try Self.checkOwner(directory, store)
        let catalog: SegmentCatalog
        var names: [String] = []
        do {
            if (try? io.facts(store.segmentsPath)) == nil {
                store.report(SpoolDamage(file: "segments", what: "is missing"))
                throw IOFailure("open", 2)
            }
            names = try io.list(store.segmentsPath)
            catalog = try SegmentCatalog.load(store, expectsLedger: words.contains("ledger"))
        } catch let error as IOFailure {
            throw SpoolError(.io, "cannot read \(store.segmentsPath): \(error.reason)", remedy: "Check the volume and its permissions")
        }
        lives = Dictionary(uniqueKeysWithValues: catalog.segments.map { ($0.sequence, $0.life) })
        free = max(0, names.count { SegmentName.parse($0) != nil } - catalog.segments.count)
        Recovery.begin(store)
        var found: [SpoolHandle] = []
        let recovery = Recovery(
            store: store, candidates: catalog.segments, submit: { _ in }, batch: { found.append(contentsOf: $0.map(\.handle)) })
        summary = recovery.run(workers: 1)
        handles = found
    }

    /// The words of `OWNER`. Throws when the directory is no spool.
    private static func checkOwner(_ directory: String, _ store: SpoolStore) throws(SpoolError) -> Set<String> {
        let (found, ledger) = try VolumeClaim.recorded(directory)
        guard found != .missing || ledger != nil || VolumeClaim.holdsSegments(directory) else {
            throw SpoolError(.foreign, "\(directory) is not a spool: it has no OWNER file", remedy: "Name the directory of a spool")
        }
        switch SystemIO().kind(directory + "/LOCK") {
        case .none: store.report(SpoolDamage(file: "LOCK", what: "is missing"))
        case .some(.regular): break
        case .some: store.report(SpoolDamage(file: "LOCK", what: "is not a file"))
        }
        if let size = (try? SystemIO().facts(directory + "/LOCK"))?.size, size > 0, SystemIO().kind(directory + "/LOCK") == .regular {
            store.report(SpoolDamage(file: "LOCK", what: "is not empty, as it should be"))
        }
        switch found {
        case .missing: store.report(SpoolDamage(file: "OWNER", what: "is missing"))
        case .damaged(let what): store.report(SpoolDamage(file: "OWNER", what: what))
        case .record(let record): return record.words
        }
        return []
    }

    /// Whether what was read is still there, and nothing looked damaged.
    private var isSettled: Bool {
        guard store.damages.withLock({ $0.count }) == 0 else { return false }
        let again = SpoolStore(options: store.options, io: io, metrics: MetricRegistry(), readOnly: true)
        guard let catalog = try? SegmentCatalog.load(again) else { return false }
        let now = Dictionary(uniqueKeysWithValues: catalog.segments.map { ($0.sequence, $0.life) })
        return lives.allSatisfy { now[$0.key] == $0.value }
    }

    func report() -> SpoolReport {
        var report = SpoolReport()
        report.segments = summary.segments
        report.freeSegments = free
        report.messages = summary.messages
        report.bytes = summary.bytesScanned
        report.damagedBodies = summary.damagedBodies
        report.tornTails = summary.tornTails
        let damages = store.damages.withLock { $0 }
        report.damage = damages.items.map(\.description)
        report.moreDamage = damages.count - damages.items.count
        report.records = summary.records
        report.finished = summary.finished
        report.kept = ((try? io.list(store.corruptPath)) ?? []).filter { !$0.contains("-torn-") }.sorted()
        return report
    }

    func list(_ each: (SpoolListing) throws -> Void) throws -> [String] {
        let reader = MessageReader(store: store)
        var problems: [String] = []
        for handle in handles {
            guard let entry = store.state.withLock({ $0.index.entry(handle) }) else { continue }
            switch reader.envelope(handle) {
            case .failure(let error): problems.append("\(entry.id.hex): \(error)")
            case .success(let message):
                try each(
                    SpoolListing(
                        id: entry.id, segment: Int(entry.location.segment), offset: Int(entry.location.offset), size: message.size,
                        envelope: message.envelope))
            }
        }
        return problems
    }

    func message(_ id: MessageID) throws -> SpoolMessage? {
        guard let handle = store.state.withLock({ state in state.index.find(id).map { state.index.handle($0) } }) else { return nil }
        return try MessageReader(store: store).message(handle).get()
    }
}

extension SystemIO {
    /// What stands under that name; nil for nothing.
    func kind(_ path: String) -> FileFacts.Kind? { (try? facts(path))?.kind }
}
