import Glibc

/// What a system call lacked when it failed, so that it succeeds again once there is some: the spool answers "full" and goes on later,
/// instead of taking the volume for broken. *value*.
package enum Shortage: Sendable, Equatable {
    case space, descriptors, memory

    /// The shortage behind an `errno`; nil for a real failure.
    package init?(_ number: Int32) {
        switch number {
        case ENOSPC, EDQUOT, EFBIG: self = .space
        case EMFILE, ENFILE: self = .descriptors
        case ENOMEM, ENOBUFS, EAGAIN: self = .memory
        default: return nil
        }
    }

    /// What the operator does about it.
    var remedy: String {
        switch self {
        case .space: "Free space on the volume or enlarge it"
        case .descriptors: "Raise the limit of open files of the process (LimitNOFILE) or of the system (fs.file-max)"
        case .memory: "Give the machine or the container more memory"
        }
    }
}

extension IOFailure {
    /// The reason in words, as the system gives it.
    package var reason: String { "\(operation): \(String(cString: strerror(number)))" }

    /// What was short, if that was the reason.
    package var shortage: Shortage? { Shortage(number) }
}
