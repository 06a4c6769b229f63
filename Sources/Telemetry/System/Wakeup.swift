import Glibc

/// A pipe that wakes one waiting thread from any other. *Shared.*
///
/// Signals coalesce: the pipe is non-blocking, and a full pipe means a wake-up is pending already.
final class Wakeup: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    init() throws(TelemetryError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw TelemetryError(
                .resourcesExhausted, "cannot create a pipe: \(SystemError.text(errno))",
                remedy: "raise the limit of open files")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// Wakes the waiting thread, or lets its next `wait` return at once.
    func signal() {
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)
    }

    /// Waits for a signal, for at most `nanoseconds`.
    func wait(nanoseconds: Int64) {
        let milliseconds = min(max((nanoseconds + 999_999) / 1_000_000, 0), 60_000)
        var descriptor = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, Int32(milliseconds)) > 0 else { return }
        var scratch: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        _ = read(readEnd, &scratch, MemoryLayout.size(ofValue: scratch))
    }
}
