import Glibc
import NIOCore
import NIOPosix

/// Opens connections. *Value.*
struct Dialer: Sendable {
    let eventLoop: any EventLoop
    let transport: RedisTransport
    let counters: RedisCounters
    /// How long connecting may take.
    let timeout: Int64

    /// Connects; on the loop only. `done` gets the connection, or why there is none and one sentence about it.
    func dial(_ endpoint: RedisEndpoint, done: @escaping (Dialogue?, RedisFailure, String) -> Void) {
        let transport = transport
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.nanoseconds(timeout))
            .channelOption(ChannelOptions.socketOption(.tcp_nodelay), value: 1)
            .channelOption(ChannelOptions.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try transport.prepare(channel, endpoint)
                    try channel.pipeline.syncOperations.addHandler(ReplyHandler())
                }
            }
        let connecting =
            if let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port) {
                bootstrap.connect(to: address)
            } else {
                bootstrap.connect(host: endpoint.host, port: endpoint.port)
            }
        connecting.hop(to: eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel):
                guard let dialogue = Dialogue(channel, counters: counters) else {
                    return done(nil, .disconnected, "\(endpoint) closed the connection")
                }
                done(dialogue, .disconnected, "")
            case .failure(let error):
                let failure = Self.failure(of: error)
                done(nil, failure, "\(endpoint): \(failure == .disconnected ? "\(error)" : failure.description)")
            }
        }
    }

    /// What an error of connecting means.
    static func failure(of error: any Error) -> RedisFailure {
        switch error {
        case let error as IOError: return error.errnoCode == ECONNREFUSED ? .refused : .disconnected
        case ChannelError.connectTimeout: return .timeout
        case let error as NIOConnectionError:
            // A name with several addresses: refused only if every one of them refused.
            let failures = error.connectionErrors.map { failure(of: $0.error) }
            guard let first = failures.first else { return .disconnected }
            return failures.allSatisfy { $0 == first } ? first : .disconnected
        default: return .disconnected
        }
    }
}
