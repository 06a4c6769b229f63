/// Where the log thread puts records. Confined to the log thread.
protocol LogSink: AnyObject {
    /// Takes one record; false when stalled: it was not taken, and will be offered again.
    func append(_ record: LogRecord, at now: LogInstant) -> Bool
    /// Everything of one batch was appended.
    func endBatch()
    /// Does what time asks for.
    func service(at now: LogInstant)
    /// When `service` is due next, monotonic nanoseconds.
    var nextService: Int64? { get }
    /// Puts everything where it belongs; false when that failed.
    func finish() -> Bool
    /// Ends the files that are being written, so that the next record begins new ones; false when that failed.
    func rotate() -> Bool
}

extension LogSink {
    /// Has no files of its own.
    func rotate() -> Bool { true }
}
