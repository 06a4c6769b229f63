import DNS
package import Message
package import NIOCore
package import Policy
import Resources
package import Spool
import Synchronization
import Telemetry

/// *Loop-confined*: what the queues, paths and sessions of one loop have in common: the Lua state, timers, what waits for the spool, and the
/// names of other queues and paths.
///
/// It belongs to the `Shard` of that loop.
package final class ShardGround {
    /// Where the shard takes its commands.
    package let address: ShardAddress
    /// What all shards share.
    package let services: DeliveryServices
    /// The Lua state of this loop.
    package private(set) var engine: PolicyEngine?
    /// Lua states that were replaced and still have handlers that wait.
    private var formerEngines: [PolicyEngine] = []
    /// Wakes queues whose next message falls due.
    let timers: QueueTimers
    /// Runs `delivery_complete` beside the mail path.
    private(set) var events: OutcomeEvents?

    private var commits: [UInt64: (Result<[SpoolHandle], SpoolError>) -> Void] = [:]
    private var nextTicket: UInt64 = 0
    private let spoolMailbox: CommitMailbox
    /// Queues this loop has named, wherever they live: spares the directory's lock per message.
    private var knownQueues: [String: QueueGate] = [:]
    /// The same for egress paths.
    private var knownPaths: [PathKey: PathGate] = [:]
    private static let knownLimit = 200_000

    /// The ground of a shard, without a Lua state yet.
    package init(_ address: ShardAddress, services: DeliveryServices) {
        self.address = address
        self.services = services
        timers = QueueTimers(address, clocks: services.clocks)
        spoolMailbox = CommitMailbox(address)
    }

    /// The loop all of this lives on.
    package var loop: any EventLoop { address.loop }

    // MARK: Policy

    /// Puts a Lua state in force. Handlers that wait end in the state they began in.
    package func use(_ fresh: PolicyEngine) {
        loop.assertInEventLoop()
        if let former = engine { formerEngines.append(former) }
        engine = fresh
        if let events { events.use(fresh) } else { events = OutcomeEvents(address, engine: fresh, metrics: services.metrics) }
        retireEngines()
    }

    /// Closes the replaced Lua states in which no handler waits any more.
    func retireEngines() {
        let isStopping = services.state.phase == .stopping
        formerEngines.removeAll { former in
            guard isStopping || former.suspendedCalls + former.pausedCalls == 0 else { return false }
            former.close()
            return true
        }
        if !formerEngines.isEmpty { address.post(.retireEngines, in: .milliseconds(100)) }
    }

    // MARK: Names

    /// The scheduled queue of that name.
    package func queue(named name: String) -> QueueGate {
        if let known = knownQueues[name], !known.isRetired { return known }
        if knownQueues.count > Self.knownLimit { knownQueues.removeAll(keepingCapacity: true) }
        let queue = services.queue(named: name)
        knownQueues[name] = queue
        return queue
    }

    /// The path from `source` to the site of `route`.
    func path(source: EgressSource, route: MailRoute, domain: String) -> PathGate {
        let key = PathKey(source: source.name, site: route.siteName)
        if let known = knownPaths[key], !known.isRetired {
            refresh(known, route)
            return known
        }
        if knownPaths.count > Self.knownLimit { knownPaths.removeAll(keepingCapacity: true) }
        let path = services.path(source: source, route: route, domain: domain)
        knownPaths[key] = path
        refresh(path, route)
        return path
    }

    private func refresh(_ path: PathGate, _ route: MailRoute) {
        guard path.routeExpires.load(ordering: .relaxed) < route.expires else { return }
        path.routeExpires.store(route.expires, ordering: .relaxed)
        services.post(path, .newRoute(route))
    }

    // MARK: Spool

    /// Appends drafts to the spool and calls back on this loop when they are durable (or refused).
    package func append(
        _ drafts: [SpoolDraft], durability: Durability, completion: @escaping (Result<[SpoolHandle], SpoolError>) -> Void
    ) {
        services.spool.append(drafts, durability: durability, ticket: ticket(completion), to: spoolMailbox)
    }

    /// Appends one piece of a streamed body; calls back on this loop.
    package func appendChunk(
        _ body: MessageID, sequence: Int, bytes: ByteBuffer, completion: @escaping (Result<[SpoolHandle], SpoolError>) -> Void
    ) {
        services.spool.appendChunk(body, sequence: sequence, bytes: bytes, ticket: ticket(completion), to: spoolMailbox)
    }

    /// Calls back on this loop when what was recorded so far can be read back; false when it could not be written yet.
    func barrier(completion: @escaping (Bool) -> Void) {
        let ticket = ticket { result in
            if case .success = result { completion(true) } else { completion(false) }
        }
        services.spool.barrier(ticket: ticket, to: spoolMailbox)
    }

    private func ticket(_ completion: @escaping (Result<[SpoolHandle], SpoolError>) -> Void) -> UInt64 {
        loop.assertInEventLoop()
        nextTicket &+= 1
        commits[nextTicket] = completion
        return nextTicket
    }

    /// The spool has answered.
    func committed(_ completions: [SpoolCompletion]) {
        for completion in completions { commits.removeValue(forKey: completion.ticket)?(completion.result) }
    }
}

/// *Value*: names an egress path without building its text.
private struct PathKey: Hashable {
    let source: String
    let site: String
}

/// *Shared*: carries the completions of one commit to the shard that waits for them, with one wake-up.
private final class CommitMailbox: SpoolMailbox {
    private let address: ShardAddress

    init(_ address: ShardAddress) { self.address = address }

    func deliver(_ completions: [SpoolCompletion]) { address.post(.committed(completions)) }
}
