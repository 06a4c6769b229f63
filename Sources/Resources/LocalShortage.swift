import Glibc
package import NIOCore

/// *Value*: what this machine is short of when it cannot open a connection. That is not the destination's failure, so no message pays for it
/// with an attempt.
package struct LocalShortage: Equatable {
    /// For people.
    package let text: String
    /// What an operator can do.
    package let remedy: String

    /// The shortage behind an error; nil when it is something else.
    /// - Parameter remote: where the connection was to go.
    package init?(_ error: any Error, to remote: SocketAddress) {
        guard let error = error as? IOError else { return nil }
        let what: String
        switch error.errnoCode {
        case EMFILE:
            what = "the process has no file descriptor left"
            remedy = "raise the limit of open files (LimitNOFILE, ulimit -n)"
        case ENFILE:
            what = "the system has no file descriptor left"
            remedy = "raise fs.file-max"
        case ENOMEM, ENOBUFS:
            what = "the system has no memory for a socket"
            remedy = "give the machine or its control group more memory, or lower connection_limit"
        case EADDRNOTAVAIL where !Self.isBind(error) && Self.hasSource(for: remote),
            EADDRINUSE where Self.isBind(error):
            what = "no local port is left"
            remedy = "widen net.ipv4.ip_local_port_range, spread the mail over more source addresses, or lower connection_limit"
        default: return nil
        }
        text = "\(what) (\(String(cString: strerror(error.errnoCode))))"
    }

    /// Whether the source address was refused and not the destination's. One that this machine does not have is no shortage, and another
    /// source of the pool may do.
    private static func isBind(_ error: IOError) -> Bool { error.description.hasPrefix("bind") }

    /// Whether this machine has an address from which `remote` can be reached at all. Without one, as for IPv6 on many a machine, connecting
    /// fails with the same code as without a port. A datagram socket tells them apart: it sends nothing when it is connected.
    static func hasSource(for remote: SocketAddress) -> Bool {
        let family = remote.protocol == .inet6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return errno != EAFNOSUPPORT }
        defer { close(descriptor) }
        return remote.withSockAddr { address, length in connect(descriptor, address, socklen_t(length)) == 0 || errno != EADDRNOTAVAIL }
    }
}
