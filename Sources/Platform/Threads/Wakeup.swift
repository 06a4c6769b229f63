import Glibc

/// A pipe that wakes one waiting thread from any other. *Shared.*
///
/// Signals coalesce: the pipe is non-blocking, and a full pipe means a wake-up is pending already.
package final class Wakeup: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    /// Makes the pipe.
    package init() throws(ThreadShortage) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ThreadShortage("cannot create a pipe", errno, remedy: "raise the limit of open files")
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
    package func signal() {
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)
    }

    /// Waits until there is a signal or `other` can be read, for at most `nanoseconds`. Returns whether `other` can be read,
    /// or has failed.
    package func wait(or other: Int32, nanoseconds: Int64) -> Bool {
        let milliseconds = nanoseconds > 60_000_000_000 ? 60_000 : max((nanoseconds + 999_999) / 1_000_000, 0)
        var descriptors = [
            pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&descriptors, 2, Int32(milliseconds)) > 0 else { return false }
        if descriptors[0].revents != 0 {
            var scratch: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            _ = read(readEnd, &scratch, MemoryLayout.size(ofValue: scratch))
        }
        return descriptors[1].revents != 0
    }

    /// Waits for a signal, for at most `nanoseconds`.
    package func wait(nanoseconds: Int64) { _ = wait(or: -1, nanoseconds: nanoseconds) }
}
