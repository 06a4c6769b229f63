import NIOCore
import Synchronization

/// The masters of a Redis Cluster, each with its link, and the map of slots that says who serves a key. *Loop-confined.*
///
/// *Diagnostics*: a command that was sent to the wrong server is sent on, five times at most, within its deadline; a script fails with
/// `moved`. While no server tells the topology, calls wait for it until their deadline.
final class ClusterServers: ServerDirectory, ServerLinkOwner {
    static let maxRedirections = 5

    private let setup: ConnectionSetup
    private let seeds: [RedisEndpoint]
    private let timer: DeadlineTimer
    private let waiting: WaitingCalls
    private var links: [RedisEndpoint: ServerLink] = [:]
    private var topology: ClusterTopology?
    private var refresh = TopologyRefresh()
    private var onward: [RedisEndpoint: [Call]] = [:]
    private var isClosed = false

    init(_ setup: ConnectionSetup, seeds: [RedisEndpoint]) {
        self.setup = setup
        self.seeds = seeds
        timer = DeadlineTimer(setup.eventLoop)
        waiting = WaitingCalls(setup.eventLoop)
        timer.fire = { [weak self] in
            guard let self, !isClosed else { return }
            act(refresh.timerFired(now: setup.eventLoop.nanoseconds, candidates: candidates))
        }
        waiting.onExpiry = { [counters = setup.counters] count in counters.timeouts.wrappingAdd(count, ordering: .relaxed) }
    }

    func start() { refreshSoon() }

    func close() -> EventLoopFuture<Void> {
        isClosed = true
        timer.cancel()
        waiting.fail(.closed)
        for call in onward.values.joined() { call.finish(.failure(.closed)) }
        onward = [:]
        let closing = links.values.map { $0.close() }
        return EventLoopFuture.andAllComplete(closing, on: setup.eventLoop)
    }

    var refusedAt: Int64? { nil }

    var subscriptionEndpoint: RedisEndpoint? { anyReady?.endpoint }

    func runID(forKey key: [UInt8]) -> String? { topology?.server(of: KeySlot.of(key)).flatMap { links[$0] }?.runID }

    func submit(_ calls: [Call]) {
        guard !isClosed else {
            for call in calls { call.finish(.failure(.closed)) }
            return
        }
        guard let topology else { return waiting.add(calls) }
        var groups: [RedisEndpoint: [Call]] = [:]
        for call in calls {
            if let fault = call.script.flatMap(Self.fault) {
                call.finish(.failure(.server(fault)))
            } else if let endpoint = call.key.map({ topology.server(of: KeySlot.of($0)) }) ?? anyReady?.endpoint ?? topology.servers.first {
                groups[endpoint, default: []].append(call)
            } else {
                refreshSoon()
                call.finish(.failure(.server("CLUSTERDOWN no server of the Redis Cluster serves this key")))
            }
        }
        for (endpoint, calls) in groups { link(endpoint).submit(calls) }
    }

    /// Keys of different slots: the server would refuse them too, but only after a round trip to a random one.
    private static func fault(_ script: ScriptCall) -> String? {
        guard let first = script.keys.first else { return nil }
        let slot = KeySlot.of(first)
        return script.keys.dropFirst().allSatisfy { KeySlot.of($0) == slot }
            ? nil : "CROSSSLOT the keys of a script are not all of one slot"
    }

    private var anyReady: ServerLink? {
        topology?.servers.lazy.compactMap { self.links[$0] }.first { $0.isReady }
    }

    private func link(_ endpoint: RedisEndpoint) -> ServerLink {
        if let link = links[endpoint] { return link }
        let link = ServerLink(setup) { $0(.success(endpoint)) }
        link.owner = self
        links[endpoint] = link
        link.start()
        return link
    }

    // MARK: What links say

    func changed(_ link: ServerLink) { if !link.isReady { refreshSoon() } }

    func redirected(_ call: Call, to redirection: Redirection, by link: ServerLink) {
        guard !isClosed, let target = link.endpoint.flatMap({ redirection.endpoint(seenFrom: $0) }) else {
            return call.finish(.failure(.moved))
        }
        if redirection.isPermanent {
            topology?.moved(redirection.slot, to: target)
            refreshSoon()
        }
        guard call.script == nil, call.redirections < Self.maxRedirections else {
            refreshSoon()
            return call.finish(.failure(.moved))
        }
        call.redirections += 1
        call.isAsking = !redirection.isPermanent
        // Those that arrive together go on together.
        if onward.isEmpty {
            setup.eventLoop.assumeIsolated().execute { [weak self] in
                guard let self else { return }
                let groups = onward
                onward = [:]
                for (endpoint, calls) in groups { self.link(endpoint).submit(calls) }
            }
        }
        onward[target, default: []].append(call)
    }

    // MARK: Topology

    private var candidates: [RedisEndpoint] {
        var seen = Set<RedisEndpoint>()
        let ready = links.filter { $0.value.isReady }.keys.shuffled()
        return (ready + seeds.shuffled() + (topology?.servers ?? []).shuffled()).filter { seen.insert($0).inserted }
    }

    private func refreshSoon() {
        guard !isClosed else { return }
        act(refresh.needed(now: setup.eventLoop.nanoseconds, candidates: candidates))
    }

    private func act(_ action: TopologyRefresh.Action) {
        switch action {
        case .none: break
        case .wait(let until): timer.arm(at: until)
        case .ask(let endpoint): ask(endpoint)
        }
    }

    private func ask(_ endpoint: RedisEndpoint) {
        let patience = min(setup.connectTimeout, 1_000_000_000)
        let interview = Interview(setup, timeout: patience)
        interview.ask(endpoint, [["CLUSTER", "SLOTS"]]).assumeIsolated().whenSuccess { [weak self] answer in
            guard let self, !isClosed else { return }
            let now = setup.eventLoop.nanoseconds
            switch answer {
            case .unreachable(let failure, _): act(refresh.failed(failure, now: now))
            case .replies(let values):
                if let value = values.last, let topology = ClusterTopology(value, from: endpoint) {
                    adopt(topology)
                    return act(refresh.succeeded(now: now))
                }
                var failure = RedisFailure.disconnected
                for case .error(let text) in values {
                    failure = .server(ServerAnswer.explained(text, setup.configuration.credentials))
                    setup.counters.note("\(endpoint): \(failure)")
                }
                act(refresh.failed(failure, now: now))
            }
        }
    }

    private func adopt(_ topology: ClusterTopology) {
        self.topology = topology
        let servers = Set(topology.servers)
        for (endpoint, link) in links where !servers.contains(endpoint) {
            links[endpoint] = nil
            link.owner = nil
            link.retire()
        }
        for endpoint in topology.servers { _ = link(endpoint) }
        let calls = waiting.take()
        if !calls.isEmpty { submit(calls) }
    }
}
