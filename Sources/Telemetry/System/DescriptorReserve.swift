import Glibc
internal import Synchronization

/// Descriptors kept back for the spool, its small files and the logs. *Shared.*
///
/// When a process has no descriptors left, the last to need one is a disk that must write down what was accepted. Connections may wait for
/// a descriptor; a segment may not. A reserved one is given up for such a call and taken back at the next chance.
///
/// *Diagnostics*: `open` fails like the call itself when the reserve is used up, too; callers treat it like a full disk.
package final class DescriptorReserve: Sendable {
    /// The reserve of this process.
    package static let shared = DescriptorReserve(count: 16)

    private let count: Int
    private let held = Mutex<[Int32]>([])

    init(count: Int) {
        self.count = count
        refill()
    }

    deinit { for descriptor in held.withLock({ $0 }) { close(descriptor) } }

    /// How many are in reserve now.
    package var available: Int { held.withLock { $0.count } }

    /// Takes back what was given up, as far as there are descriptors.
    package func refill() {
        held.withLock { held in
            while held.count < count {
                let descriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else { return }
                held.append(descriptor)
            }
        }
    }

    /// Runs `call`, which opens a descriptor or answers -1 with `errno`; when there are none left, again with reserved ones given up.
    package func open(_ call: () -> Int32) -> Int32 {
        while true {
            let descriptor = call()
            guard descriptor < 0, errno == EMFILE || errno == ENFILE else { return descriptor }
            let reason = errno
            // Another thread may be quicker to take what is given up: hence one after the other.
            guard let reserved = held.withLock({ $0.popLast() }) else {
                errno = reason
                return -1
            }
            close(reserved)
        }
    }
}
