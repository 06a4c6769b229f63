import Delivery
import Glibc
package import NIOCore
package import NIOPosix
package import Resources
import Synchronization

/// *Shared*: a listening socket that was bound before the node dropped its privileges.
///
/// *Diagnostics*: a port in use, a missing right and a foreign address each get a sentence with the remedy.
package final class BoundSocket: Sendable {
    private let descriptor: Atomic<Int32>
    /// The address with the port the system chose.
    package let address: String

    /// Connections that may wait to be accepted; the system takes less when `net.core.somaxconn` is lower.
    package static let backlog: Int32 = 4096

    /// Binds and listens. Port 0 takes a free port. A host name is looked up. `takesBothFamilies`: `::` takes IPv4 clients too.
    package init(host: String, port: Int, takesBothFamilies: Bool = false) throws(NodeError) {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let info = found else {
            throw NodeError(
                "cannot listen on \(host):\(port): \(String(cString: gai_strerror(code))); give an IP address and a port, such as 127.0.0.1:2525"
            )
        }
        defer { freeaddrinfo(found) }
        let file = socket(info.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw NodeError("cannot make a socket: \(NodeError.errnoText)") }
        var yes: Int32 = 1
        setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        if info.pointee.ai_family == AF_INET6 {
            var only: Int32 = takesBothFamilies ? 0 : 1
            setsockopt(file, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, socklen_t(MemoryLayout<Int32>.size))
        }
        guard bind(file, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
            let error = errno
            close(file)
            throw NodeError("cannot listen on \(host):\(port): " + Self.remedy(error, port: port))
        }
        guard listen(file, Self.backlog) == 0 else {
            let error = errno
            close(file)
            throw NodeError("cannot listen on \(host):\(port): " + Self.remedy(error, port: port))
        }
        descriptor = Atomic(file)
        address = Self.name(of: file)
    }

    deinit {
        let file = descriptor.load(ordering: .relaxed)
        if file >= 0 { close(file) }
    }

    /// Hands the descriptor over; the socket no longer closes it.
    package func take() -> Int32 { descriptor.exchange(-1, ordering: .acquiringAndReleasing) }

    /// Accepts connections; `configure` says what they are made of.
    package func serve(
        group: any EventLoopGroup, gate: AcceptGate.Plan, _ configure: (ServerBootstrap) -> ServerBootstrap
    ) async throws -> any Channel {
        let file = take()
        return try await configure(ServerBootstrap(group: group))
            .serverChannelInitializer { channel in
                // NIO has just called `listen` with a backlog of 128 on this socket; the channel keeps the descriptor open.
                _ = Glibc.listen(file, Self.backlog)
                return channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptGate(gate)) }
            }
            .withBoundSocket(file).get()
    }

    private static func remedy(_ error: Int32, port: Int) -> String {
        switch error {
        case EADDRINUSE: "the port is in use by another process; stop that one, or choose another port (see `ss -ltnp 'sport = :\(port)'`)"
        case EACCES: "ports below 1024 need root (start as root with --user NAME) or CAP_NET_BIND_SERVICE"
        case EADDRNOTAVAIL: "this machine does not have that address"
        default: String(cString: strerror(error))
        }
    }

    private static func name(of file: Int32) -> String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: 64)
        var port = [CChar](repeating: 0, count: 16)
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(file, address, &length)
                return getnameinfo(
                    address, length, &host, 64, &port, 16, NI_NUMERICHOST | NI_NUMERICSERV)
            }
        }
        guard code == 0 else { return "?" }
        let hostText = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let portText = String(decoding: port.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return hostText.contains(":") ? "[\(hostText)]:\(portText)" : "\(hostText):\(portText)"
    }
}
