/// Hands each batch to a function. Confined to the log thread.
final class FunctionSink: LogSink {
    private let function: @Sendable ([LogRecord]) -> Void
    private var batch: [LogRecord] = []

    init(_ function: @escaping @Sendable ([LogRecord]) -> Void) { self.function = function }

    func append(_ record: LogRecord, at now: LogInstant) -> Bool {
        batch.append(record)
        return true
    }

    func endBatch() {
        guard !batch.isEmpty else { return }
        function(batch)
        batch.removeAll(keepingCapacity: true)
    }

    func service(at now: LogInstant) {}

    var nextService: Int64? { nil }

    func finish() -> Bool {
        endBatch()
        return true
    }
}
