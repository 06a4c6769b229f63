import Glibc

/// One JSON line per record to a descriptor, written per batch. Confined to the log thread.
///
/// *Diagnostics*: when the reader has gone (EPIPE) there is nobody to keep records for; they are counted as lost.
final class DescriptorSink: LogSink {
    private let descriptor: Int32
    private let selection: LogSelection
    private let write: LogFileWrite
    private let lost: @Sendable (Int) -> Void
    private var pending: [UInt8] = []
    private var written = 0
    private var lines = 0

    init(
        descriptor: Int32, selection: LogSelection, write: @escaping LogFileWrite, lost: @escaping @Sendable (Int) -> Void
    ) {
        self.descriptor = descriptor
        self.selection = selection
        self.write = write
        self.lost = lost
    }

    func append(_ record: LogRecord, at now: LogInstant) -> Bool {
        if pending.count >= 256 * 1024, !flush() { return false }
        record.encodeJSON(into: &pending, selection: selection)
        pending.append(0x0a)
        lines += 1
        return true
    }

    func endBatch() { _ = flush() }

    func service(at now: LogInstant) { _ = flush() }

    var nextService: Int64? { nil }

    func finish() -> Bool { flush() }

    private func flush() -> Bool {
        while written < pending.count {
            let result = pending.withUnsafeBytes { write(descriptor, UnsafeRawBufferPointer(rebasing: $0[written...])) }
            if result > 0 {
                written += result
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&target, 1, 1_000) > 0 else { return false }
            case let code:
                Log.error("cannot write log records", ["descriptor": descriptor, "error": SystemError.text(code)])
                // What is left cannot be written here, today or later.
                if code != ENOSPC { lost(lines) } else { return false }
                written = pending.count
            }
        }
        pending.removeAll(keepingCapacity: true)
        written = 0
        lines = 0
        return true
    }
}
