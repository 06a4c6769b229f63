import NIOCore

/// A single server, found by its address or by asking Sentinels. *Loop-confined.*
final class OneServer: ServerDirectory {
    private let setup: ConnectionSetup
    private let link: ServerLink
    private let sentinels: SentinelResolver?

    init(_ setup: ConnectionSetup, endpoint: RedisEndpoint) {
        self.setup = setup
        sentinels = nil
        link = ServerLink(setup) { $0(.success(endpoint)) }
    }

    init(_ setup: ConnectionSetup, master: String, sentinels: [RedisEndpoint]) {
        self.setup = setup
        let resolver = SentinelResolver(setup, discovery: SentinelDiscovery(sentinels: sentinels, master: master))
        self.sentinels = resolver
        link = ServerLink(setup) { resolver.resolve($0) }
        resolver.onSwitch = { [weak link] endpoint in
            guard let link, link.endpoint != endpoint else { return }
            link.replace()
        }
    }

    func start() { link.start() }

    func close() -> EventLoopFuture<Void> {
        sentinels?.close()
        return link.close()
    }

    func submit(_ calls: [Call]) { link.submit(calls) }
    func runID(forKey key: [UInt8]) -> String? { link.runID }
    /// A name may lead elsewhere for others by now, so only a literal address proves anything.
    var refusedAt: Int64? {
        guard sentinels == nil, let host = link.endpoint?.host else { return nil }
        let isAddress = host == "localhost" || (try? SocketAddress(ipAddress: host, port: 1)) != nil
        return isAddress || setup.configuration.trustsRefusalOfName ? link.refusedAt : nil
    }
    var subscriptionEndpoint: RedisEndpoint? { sentinels == nil || link.isReady ? link.endpoint : nil }
}
