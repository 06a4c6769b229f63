import Glibc
import Synchronization

/// SIGTERM and SIGINT as a flag. *Shared.*
enum StopFlag {
    private static let flag = Atomic(false)

    /// Whether a signal came.
    static var isSet: Bool { flag.load(ordering: .relaxed) }

    /// From now on the signals set the flag.
    static func install() {
        _ = flag.load(ordering: .relaxed)  // made here, not in the signal handler
        for number in [SIGTERM, SIGINT] { signal(number) { _ in StopFlag.flag.store(true, ordering: .relaxed) } }
        signal(SIGPIPE, SIG_IGN)
    }
}
