/// Files records by type into segments. Confined to the log thread.
final class DirectorySink: LogSink {
    private let selection: LogSelection
    private var segments: [LogSegment] = []
    private var segmentOf: [LogRecordType: Int] = [:]
    private var line: [UInt8] = []

    init(options: LogDirectoryOptions, selection: LogSelection, write: @escaping LogFileWrite) {
        self.selection = selection
        var known: [[String]: Int] = [:]
        for type in LogRecordType.allCases {
            let rule = options.rule(for: type)
            guard rule.enable else { continue }
            let directory = options.directory(for: rule)
            let suffix = rule.suffix ?? ""
            if let index = known[[directory, suffix]] {
                segmentOf[type] = index
                continue
            }
            known[[directory, suffix]] = segments.count
            segmentOf[type] = segments.count
            segments.append(LogSegment(directory: directory, suffix: suffix, options: options, write: write))
        }
    }

    func append(_ record: LogRecord, at now: LogInstant) -> Bool {
        guard let index = segmentOf[record.type] else { return true }
        line.removeAll(keepingCapacity: true)
        record.encodeJSON(into: &line, selection: selection)
        line.append(0x0a)
        return segments[index].append(line, at: now)
    }

    func endBatch() {}

    func service(at now: LogInstant) {
        for segment in segments { segment.service(at: now) }
    }

    var nextService: Int64? { segments.compactMap(\.nextService).min() }

    func rotate() -> Bool { finish() }

    func finish() -> Bool {
        var isDone = true
        for segment in segments where !segment.finish() { isDone = false }
        return isDone
    }
}
