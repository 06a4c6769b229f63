import Glibc
import Platform

/// The segments of one directory and suffix, one at a time. Confined to the log thread.
///
/// Compressed bytes gather in memory and go to the file in large writes, at least each second. A segment that is dropped
/// without `finish` stays as a crash would leave it: writable, readable up to its last flush.
///
/// *Diagnostics*: when a write or open fails the stream stalls, keeps its bytes and tries again at the next `service`;
/// the diagnostic log gets one line when that begins or its reason changes, and one when it is over.
final class LogSegment {
    private static let flushInterval: Int64 = 1_000_000_000
    private static let writeThreshold = 128 * 1024

    private enum State {
        case empty
        case open
        /// The frame is ended; bytes or the mark are still to be written.
        case finishing
    }

    private let directory: String
    private let suffix: String
    private let maxFileSize: Int
    private let maxDuration: Int64?
    private let level: Int
    private let writeBytes: LogFileWrite

    private var state = State.empty
    private var stream: ZstdStream?
    private var file: Int32 = -1
    private var pending: [UInt8] = []
    private var written = 0
    private var uncompressed = 0
    private var openedAt: LogInstant?
    private var flushDue: Int64?
    /// Why the last write failed, until one succeeds.
    private var failure: String?
    private let openNew: (String) -> Int32

    /// `openNew` makes a segment file that is not there yet; tests replace it.
    init(
        directory: String, suffix: String, options: LogDirectoryOptions, write: @escaping LogFileWrite,
        openNew: @escaping (String) -> Int32 = LogSegment.openNew
    ) {
        self.openNew = openNew
        self.directory = directory
        self.suffix = suffix
        self.maxFileSize = max(options.maxFileSize, 1)
        self.maxDuration = options.maxSegmentDuration.map { duration in
            let (seconds, attoseconds) = duration.components
            let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            return whole.overflow ? .max : max(whole.partialValue + attoseconds / 1_000_000_000, 1)
        }
        self.level = options.compressionLevel
        self.writeBytes = write
    }

    deinit { if file >= 0 { close(file) } }

    /// Opens a new file, with a descriptor of the reserve when there are no others.
    static func openNew(_ path: String) -> Int32 {
        DescriptorReserve.shared.open { open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644) }
    }

    /// Takes one line. False when stalled: the line was not taken.
    func append(_ line: [UInt8], at now: LogInstant) -> Bool {
        if state == .finishing { guard complete() else { return false } }
        if state == .open, pending.count - written >= Self.writeThreshold { guard writePending() else { return false } }
        if state == .empty {
            guard let stream = ZstdStream(level: level) else { return false }
            self.stream = stream
            openedAt = now
            uncompressed = 0
            state = .open
        }
        stream?.compress(line, to: &pending)
        uncompressed += line.count
        if flushDue == nil { flushDue = now.monotonic + Self.flushInterval }
        if uncompressed >= maxFileSize { finish() }
        return true
    }

    /// Flushes and rotates what is due. False when stalled.
    @discardableResult
    func service(at now: LogInstant) -> Bool {
        switch state {
        case .empty: return true
        case .finishing: return complete()
        case .open:
            if let maxDuration, let openedAt, now.monotonic - openedAt.monotonic >= maxDuration { return finish() }
            if let due = flushDue, now.monotonic >= due {
                stream?.flush(to: &pending)
                flushDue = nil
                return writePending()
            }
            return true
        }
    }

    /// When `service` has something to do next, monotonic nanoseconds.
    var nextService: Int64? {
        guard state == .open, let openedAt else { return nil }
        let rotation = maxDuration.map { openedAt.monotonic.addingReportingOverflow($0) }
        let rotationDue: Int64? = rotation.flatMap { $0.overflow ? nil : $0.partialValue }
        switch (flushDue, rotationDue) {
        case (let flush?, let rotation?): return min(flush, rotation)
        case (let flush, let rotation): return flush ?? rotation
        }
    }

    /// Ends the segment, if there is one, and makes it read-only. False when stalled.
    @discardableResult
    func finish() -> Bool {
        switch state {
        case .empty: return true
        case .finishing: return complete()
        case .open:
            stream?.finish(to: &pending)
            stream = nil
            flushDue = nil
            state = .finishing
            return complete()
        }
    }

    private func complete() -> Bool {
        guard writePending() else { return false }
        fchmod(file, 0o444)
        close(file)
        file = -1
        openedAt = nil
        state = .empty
        return true
    }

    private func writePending() -> Bool {
        guard file >= 0 || openFile() else { return false }
        while written < pending.count {
            let result = pending.withUnsafeBytes { bytes in
                writeBytes(file, UnsafeRawBufferPointer(rebasing: bytes[written...]))
            }
            if result > 0 {
                written += result
            } else if result == 0 || errno != EINTR {
                failed("cannot write log segment", result == 0 ? ENOSPC : errno)
                return false
            }
        }
        if !pending.isEmpty { succeeded() }
        pending.removeAll(keepingCapacity: true)
        written = 0
        return true
    }

    private func openFile() -> Bool {
        guard let openedAt else { return false }
        // Two segments of one nanosecond: the later one takes the next free name.
        for step in 0..<1_000 {
            let path = directory + "/" + UTCTime(unixNanoseconds: openedAt.wall &+ Int64(step)).segmentName + suffix
            let descriptor = openNew(path)
            if descriptor >= 0 {
                _ = flock(descriptor, LOCK_EX | LOCK_NB)
                file = descriptor
                return true
            }
            guard errno == EEXIST else { break }
        }
        failed("cannot create log segment", errno)
        return false
    }

    /// Says that writing failed, once until it succeeds again: it is tried each second.
    private func failed(_ what: String, _ code: Int32) {
        let text = SystemError.text(code)
        guard failure != text else { return }
        failure = text
        let remedy =
            switch code {
            case EMFILE, ENFILE: "raise the limit of open files (LimitNOFILE)"
            case ENOSPC, EDQUOT: "make room on the volume of the log"
            default: "check the directory and its volume"
            }
        Log.error("\(what); its records wait in memory", ["directory": directory, "error": text, "remedy": remedy])
    }

    private func succeeded() {
        guard failure != nil else { return }
        failure = nil
        Log.warn("log segments are written again", ["directory": directory])
    }
}
