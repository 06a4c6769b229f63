import Glibc
import NIOCore

/// *Value*: why a connection could not be opened, in the words of the system: they end up in log records and bounce rules.
enum DialError {
    static func text(_ error: any Error) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        if case ChannelError.connectTimeout(let after)? = error as? ChannelError {
            return "no answer within \(after.nanoseconds / 1_000_000_000) s"
        }
        return "\(error)"
    }
}
