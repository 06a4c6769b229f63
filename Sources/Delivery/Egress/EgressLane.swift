import Client
import Cluster
import DNS
import DequeModule
import Message
import NIOCore
import Options
import Platform
import Policy
import Resources
import SMTP
import Shaping
import Spool
import Synchronization
import Telemetry

/// *Loop-confined*: what an `EgressPath` owns: the ready queue, the connections that drain it, and its limits.
///
/// *Diagnostics*: a failing `get_egress_path_config` is logged and asked again in 15 s, the messages wait; connection failures become
/// outcomes of messages; nothing traps on what a peer does.
final class EgressLane: ConnectionOwner {
    let gate: PathGate
    /// Where the shard of this path takes its commands.
    let address: ShardAddress
    let services: DeliveryServices

    private(set) var config: Held<EgressPathConfig>?
    private var refreshAt: Int64 = 0
    private var isLoadingConfig = false
    private(set) var route: MailRoute
    private(set) var ready = Deque<Attempt>()
    private(set) var connections: [Int: EgressConnection] = [:]
    private var nextConnection = 0
    /// Makes the door through which events of a connection come in. Set by the path before its first command.
    var makeDoor: (Int) -> any ConnectionDoor = { _ in ClosedDoor() }
    private(set) var idle: [EgressConnection] = []
    private(set) var limits: PathLimits?
    private var consecutiveFailures = 0
    private var timer: (at: Int64, task: Scheduled<Void>)?
    var block: PathBlock = .none {
        didSet { if block != oldValue { gate.show(block) } }
    }
    private var lastUse = Clock.monotonic()
    private var isServing = false
    var isWatching = false
    /// Monotonic time before which nothing is dialled, after a shortage of this machine.
    var dialsAgainAt = Int64.min
    private(set) var lastReply: String?
    /// Monotonic time until which nobody is asked for TLS.
    private var tlsIsBrokenUntil = Int64.min

    init(_ gate: PathGate, on address: ShardAddress, services: DeliveryServices) {
        self.gate = gate
        self.address = address
        self.services = services
        route = gate.firstRoute
    }

    var name: String { gate.name }
    var loop: any EventLoop { address.loop }

    /// The rule that forbids this path to send.
    var suspension: ControlEntry? { gate.suspension(services.control) }
    /// Why the path sends nothing, one line.
    var blockText: String? { gate.blockText(services.control, services.clocks) }

    /// Asks something of this path, with the next turn of the loop.
    func postLater(_ command: PathCommand) { address.post(.path(gate, command)) }

    /// Carries out a command.
    func perform(_ command: consuming PathCommand) {
        switch consume command {
        case .offer(let attempt): offer(attempt)
        case .serve: serve()
        case .tick: tick()
        case .checkLeases: checkLeases()
        case .newRoute(let fresh): route = fresh
        case .configured(let result): configured(result)
        case .policyChanged: policyChanged()
        case .obeyRules: obeyRules()
        case .slotGranted: slotGranted()
        case .quitIdle: quitIdle()
        case .stop: stop()
        case .abort: for connection in connections.values { connection.abort() }
        case .releaseLimits: releaseLimits()
        }
    }

    // MARK: Ready queue

    /// Takes a message for which a place was reserved.
    private func offer(_ attempt: consuming Attempt) {
        loop.assertInEventLoop()
        ready.append(attempt)
        services.metrics.readyCount.add(1)
        serve()
    }

    /// Moves ready messages to connections and opens the connections the backlog calls for.
    private func serve() {
        guard !isServing else { return }
        isServing = true
        defer { isServing = false }
        lastUse = Clock.monotonic()
        guard !ready.isEmpty, let config = currentConfig() else { return }
        guard services.state.phase != .stopping, suspension == nil else { return returnEverything() }
        while !ready.isEmpty, let connection = idle.popLast() {
            guard dispatch(on: connection, config) else {
                idle.append(connection)
                break
            }
        }
        openConnections(config)
        if !ready.isEmpty { wake(at: lastUse + 10_000_000_000) }  // for expiry, whatever blocks
    }

    /// Hands the next message to `connection`; false when nothing may be sent now.
    private func dispatch(on connection: EgressConnection, _ config: Held<EgressPathConfig>) -> Bool {
        while let attempt = takeReady() {
            if connection.send(attempt, recipients: config.table.maxRecipientsPerBatch) { return true }
            // The content could not be sent at all; the connection stays usable for the next one.
        }
        return false
    }

    /// The message whose envelope may ride behind the content of the one that `connection` is sending; `nil` when nothing may be sent now.
    func lookAhead(for connection: EgressConnection) -> Attempt? {
        guard let first = ready.first, let config, services.state.phase != .stopping else { return nil }
        guard mayFollow(first, on: connection) else { return nil }
        // The running message counts as well as the one looked for.
        guard connection.deliveries + 2 <= deliveryLimit(config) else { return nil }
        // Another node waits for a permit: the boundary behind the running message is where this connection may end.
        if isRecalled { return nil }
        return takeReady(behind: connection)
    }

    /// Whether a rate lets the message's MAIL leave behind the content of another. The server reads it only when it is done with that
    /// content, and what is late there meets the messages of the next period.
    private func mayFollow(_ attempt: Attempt, on connection: EgressConnection) -> Bool {
        guard !attempt.isRated else { return false }
        switch limits?.lookAhead {
        case .free, nil: return true
        case .ifQuick: return connection.answerTime <= Self.quickAnswer
        case .never: return false
        }
    }

    private static let quickAnswer: Int64 = 20_000_000

    /// Takes the first ready message out, within the limits; `nil` when there is none, or a limit says to wait.
    /// - Parameter other: the connection whose running message it would follow; nil for one that is free.
    private func takeReady(behind other: EgressConnection? = nil) -> Attempt? {
        guard suspension == nil else {
            returnEverything()
            return nil
        }
        while let first = ready.first {
            if first.hasExpired(at: services.clocks.now) {
                leave(.outOfTime)
                continue
            }
            if first.isHeld(services.control) {
                leave(.untouched)
                continue
            }
            if let other, !mayFollow(first, on: other) { return nil }
            guard mayTransact() else { return nil }
            let now = Clock.monotonic()
            switch ready[0].takeRate(now: now) {
            case .granted: break
            case .grantedAndAwaited: services.post(first.message.queue, .pump)
            case .refused:
                leave(.untouched)
                continue
            }
            if case .wait(let until, let limit)? = limits?.takeMessage(now: now) {
                ready[0].giveRate(now: now)
                block = .messageRate(limit, until: MonotonicInstant(nanoseconds: until))
                wake(at: until)
                return nil
            }
            if limits?.leasesEnd == true { limits?.noteTransaction() }
            services.metrics.readyCount.add(-1)
            block = .none
            return ready.popFirst()
        }
        return nil
    }

    private func openConnections(_ config: Held<EgressPathConfig>) {
        // A connection that is idle while messages are ready waits for a rate: another one would wait beside it.
        guard !ready.isEmpty, idle.isEmpty else { return }
        if isShort(now: Clock.monotonic()) { return }
        let ideal = IdealConnections.count(backlog: ready.count, limit: config.table.connectionLimit.count)
        // Connections that are busy or being opened serve the backlog too.
        let opening = connections.count - idle.count
        let isRated = limits?.hasConnectionRate ?? false
        if isRated {
            if let (until, limit) = limits?.dialWait(now: Clock.monotonic()) {
                block = .connectionRate(limit, until: MonotonicInstant(nanoseconds: until))
                return wake(at: until)
            }
            // One at a time: whether the rate has room for it shows when it dials.
            guard opening >= ideal || connections.values.allSatisfy(\.hasDialled) else { return }
        }
        guard opening < ideal, connections.count < config.table.connectionLimit.count, mayTransact() || connections.isEmpty else {
            if connections.count >= config.table.connectionLimit.count { block = .connectionLimit(config.table.connectionLimit.count) }
            return
        }
        for _ in opening..<ideal where connections.count < config.table.connectionLimit.count {
            let now = Clock.monotonic()
            guard takeSlot(now: now) else { return }
            switch limits?.takeConnection(now: now) {
            case .wait(let until, let limit)?:
                services.giveEgressSlot()
                let isEnded = limits.map { $0.leasesEnd && $0.hasLostLease(limit, now: now) } ?? false
                block = isEnded ? .leaseEnded(limit) : .connectionRate(limit, until: MonotonicInstant(nanoseconds: until))
                return wake(at: until)
            case .granted?, nil: break
            }
            let connection = makeConnection(config)
            connection.permits = limits?.permitsTaken()
            connections[connection.id] = connection
            services.metrics.connectionOpened()
            connection.open()
            if isRated { return }
        }
    }

    /// A connection of this lane; nothing is dialled yet.
    func makeConnection(_ config: Held<EgressPathConfig>) -> EgressConnection {
        nextConnection += 1
        let setup = ConnectionSetup(
            loop: loop, pathName: name, route: route, source: gate.source, config: config, hostname: services.hostname, own: services.own,
            trust: services.trust, handshakes: address.handshakes)
        return EgressConnection(id: nextConnection, owner: self, door: makeDoor(nextConnection), setup: setup)
    }

    /// Under a rate of new connections the next one may follow.
    func connectionIsDialled() {
        if limits?.hasConnectionRate == true, !ready.isEmpty { postLater(.serve) }
    }

    var isStopping: Bool { services.state.phase == .stopping }
    var remembersBrokenTLS: Bool { Clock.monotonic() < tlsIsBrokenUntil }

    func noteBrokenTLS() {
        guard let memory = config?.table.brokenTLSMemory else { return }
        tlsIsBrokenUntil = Clock.monotonic() + memory.wholeNanoseconds
    }

    var wantsAnswerTime: Bool { (limits?.lookAhead ?? .free) != .free }

    /// Whether messages wait for a connection.
    var hasBacklog: Bool { !ready.isEmpty }

    // MARK: Connections report

    /// A session is open or has finished a message: it takes the next one, or waits.
    func connectionIsFree(_ connection: EgressConnection) {
        consecutiveFailures = 0
        guard let config = currentConfig(), services.state.phase != .stopping else { return connection.quit() }
        if connection.deliveries >= deliveryLimit(config) { return connection.quit() }
        if let limits, limits.leasesEnd, limits.claimRecall() { return connection.quit() }
        if !isServing, !ready.isEmpty, dispatch(on: connection, config) { return }
        // Another path waits for room in the limit of open files.
        if ready.isEmpty, services.egressSlots.isContended { return connection.quit() }
        connection.idleSince = Clock.monotonic()
        idle.append(connection)
        wake(at: connection.idleSince + config.table.idleTimeout.wholeNanoseconds)
    }

    /// A slot is kept for this path, which may need none any more.
    private func slotGranted() {
        serve()
        if services.egressSlots.forgetGrant(of: gate) { services.giveEgressSlot() }
    }

    /// Another path needs the room of connections that do nothing.
    func quitIdle() {
        guard ready.isEmpty else { return }
        while let connection = idle.popLast() { connection.quit() }
    }

    /// The connection takes no more messages (it is closing or closed).
    func connectionIsLeaving(_ connection: EgressConnection) {
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    func connectionClosed(_ connection: EgressConnection) {
        connectionIsLeaving(connection)
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        connection.permits?.give()
        services.giveEgressSlot()
        services.metrics.connectionClosed()
        services.state.noteDeparture()
        if ready.isEmpty { wake(at: Clock.monotonic() + Self.idleLife) } else { postLater(.serve) }
    }

    /// No host of the site could be reached: the message the connection was opened for has its outcome; after many failures in a row
    /// the whole ready queue has.
    func connectionFailed(_ failure: DialFailure, of connection: EgressConnection) {
        lastReply = failure.reply.oneLine.excerpt(Self.replyExcerpt)
        if let until = failure.rememberedUntil {  // nothing was attempted
            while !ready.isEmpty { leave(.postponed(failure.reply, until: until)) }
            return
        }
        consecutiveFailures += 1
        services.metrics.connectionFailures.add(1)
        if failure.isConnected {
            Log.warn("no session with a site", ["path": name, "reply": failure.reply.oneLine.excerpt(Self.replyExcerpt)])
        }
        let all = consecutiveFailures >= (config?.table.consecutiveConnectionFailuresBeforeDelay ?? 100) || failure.isForAll
        if all { consecutiveFailures = 0 }
        var count = all ? ready.count : min(1, ready.count)
        while count > 0, let first = ready.first {
            count -= 1
            var outcome = AttemptOutcome.everyone(first.message, failure.fate, failure.reply, command: failure.command)
            connection.describe(&outcome)
            outcome.peer = failure.candidate.map { ($0.host, $0.address.text) }
            if !failure.isConnected {
                outcome.sessionID = nil
                outcome.deliveryProtocol = nil
            }
            leave(outcome)
        }
    }

    /// Takes the first ready message out and gives it back to its queue.
    private func leave(_ outcome: AttemptOutcome) {
        guard let first = ready.popFirst() else { return }
        services.metrics.readyCount.add(-1)
        settle(first, outcome)
    }

    /// Gives a message back to its queue with what became of it, and its place to the next.
    func settle(_ attempt: consuming Attempt, _ outcome: consuming AttemptOutcome) {
        let outcome = attempt.end(outcome)
        if let last = outcome.recipients.last, last.fate != .delivered { lastReply = last.reply.oneLine.excerpt(Self.replyExcerpt) }
        services.giveBack(1, to: gate)
        let queue = attempt.message.queue
        if attempt.endRate() { services.post(queue, .pump) }
        services.post(queue, .settle(attempt.message, outcome))
    }

    /// Bytes of a reply that are kept for `explain`.
    private static let replyExcerpt = 2048

    /// A session ended between messages: `explain` tells what was said.
    func sessionBroke(_ reply: Reply, isAmbiguous: Bool) {
        if isAmbiguous { services.metrics.ambiguous.add(1) }
        lastReply = reply.oneLine.excerpt(Self.replyExcerpt)
    }

    func takeDial() -> PathLimits.Answer { limits?.takeDial(now: Clock.monotonic()) ?? .granted }

    func findAddresses(_ query: AddressQuery, for connection: EgressConnection) {
        let door = makeDoor(connection.id)
        Task { [loop, router = services.router] in
            let answer = await router.addressAnswer(of: query.host.name, strategy: query.strategy)
            loop.execute { _ = door.enter { $0.found(query.host, answer) } }
        }
    }

    func bodyReader(
        _ handle: SpoolHandle
    ) -> @Sendable (Int, @escaping @Sendable (Result<ByteBuffer, any Error>) -> Void) -> Void {
        { [spool = services.spool] offset, reply in
            spool.readBody(handle, offset: offset, length: 256 * 1024) { result in reply(result.mapError { $0 as any Error }) }
        }
    }

    /// Puts a message that was not (wholly) sent back at the head of the ready queue; its place was never given up.
    func putBack(_ attempt: consuming Attempt) {
        attempt.returnRate()
        ready.prepend(attempt)
        services.metrics.readyCount.add(1)
        postLater(.serve)
    }

    private func returnEverything() {
        while !ready.isEmpty { leave(.untouched) }
    }

    /// Rules changed: what may not be sent any more goes back to its queue, and queues that wait for this path hear when it is free again.
    func obeyRules() {
        guard suspension == nil else { return returnEverything() }
        services.giveBack(0, to: gate)
        settleReady(.untouched) { $0.isHeld(services.control) }
    }

    /// The node stops: idle connections quit, busy ones finish their transaction.
    private func stop() {
        returnEverything()
        let limit = config?.table.effectiveShutdownTimeout ?? .seconds(60)
        for connection in connections.values { connection.quitWhenIdle() }
        address.post(.path(gate, .abort), in: .nanoseconds(limit.wholeNanoseconds))
    }

    // MARK: Configuration and time

    private func currentConfig() -> Held<EgressPathConfig>? {
        let now = Clock.monotonic()
        if now >= refreshAt { loadConfig() }
        return config
    }

    /// There is another policy: asks it at once.
    private func policyChanged() {
        refreshAt = .min / 4
        postLater(.serve)
    }

    private func loadConfig() {
        guard !isLoadingConfig else { return }
        isLoadingConfig = true
        refreshAt = .max
        if config == nil { block = .policy("waiting for get_egress_path_config") }
        address.post(.configure(gate))
    }

    private func configured(_ result: Result<Held<EgressPathConfig>?, PolicyFailure>) {
        isLoadingConfig = false
        // Below the largest value: another policy came while the former one answered.
        let isStale = refreshAt != .max
        switch result {
        case .success(let fresh):
            adopt(fresh ?? .defaults)
            if isStale { refreshAt = .min / 4 }
            serve()
        case .failure(let failure):
            Log.error("policy failed for an egress path", ["path": name, "error": failure.message])
            block = .policy(failure.message)
            refreshAt = isStale ? .min / 4 : Clock.monotonic() + 15_000_000_000
            wake(at: refreshAt)
        }
    }

    private func adopt(_ fresh: Held<EgressPathConfig>) {
        services.pump(gate.resize(to: fresh.table.maxReady, services.control))
        limits = PathLimits(path: name, config: fresh.table, roots: services.limits, replacing: limits)
        watchLeases()
        config = fresh
        // A policy that wants to be asked without end is asked once a second.
        refreshAt = Clock.monotonic() + max(fresh.table.refreshInterval, .seconds(1)).wholeNanoseconds
    }

    /// How long a path without mail is kept.
    private static let idleLife: Int64 = 600_000_000_000

    func wake(at time: Int64) {
        if let timer, timer.at <= time { return }
        timer?.task.cancel()
        let wait = max(1_000_000, time - Clock.monotonic())
        timer = (time, loop.scheduleTask(in: .nanoseconds(wait)) { [address, gate] in address.post(.path(gate, .tick)) })
    }

    private func tick() {
        timer = nil
        let now = Clock.monotonic()
        if let config {
            let limit = config.table.idleTimeout.wholeNanoseconds
            // The oldest idle connections stand first: the last in is the first out.
            while let oldest = idle.first, now - oldest.idleSince >= limit {
                idle.removeFirst()
                oldest.quit()
            }
            if let oldest = idle.first { wake(at: oldest.idleSince + limit) }
        }
        if !ready.isEmpty {
            sweepExpired()
            serve()
            wake(at: now + 10_000_000_000)
        } else if connections.isEmpty {
            retireIfIdle(now: now)
        }
    }

    /// Expiry is enforced where the message is: also in a ready queue that nothing drains.
    private func sweepExpired() {
        let now = services.clocks.now
        settleReady(.outOfTime) { $0.hasExpired(at: now) }
    }

    /// Gives the ready messages that `isMeant` picks back to their queues; the others stay in order.
    private func settleReady(_ outcome: AttemptOutcome, where isMeant: (Attempt) -> Bool) {
        guard ready.contains(where: isMeant) else { return }
        let all = ready
        ready = []
        for attempt in all {
            guard isMeant(attempt) else {
                ready.append(attempt)
                continue
            }
            services.metrics.readyCount.add(-1)
            settle(attempt, outcome)
        }
    }

    /// The node has stopped: what is leased goes back, so that other nodes need not wait for its end.
    private func releaseLimits() { if connections.isEmpty { limits?.close() } }

    private func retireIfIdle(now: Int64) {
        guard now - lastUse >= Self.idleLife else { return wake(at: lastUse + Self.idleLife) }
        // Only when nobody holds a reservation: then nobody can get one any more.
        guard gate.retireIfUnused() else { return wake(at: now + Self.idleLife) }
        services.paths.remove(gate)
        limits?.close()
        address.post(.forgetPath(gate))
    }
}

extension Attempt {
    /// Whether a rule holds the message, which then belongs back into its queue.
    fileprivate func isHeld(_ control: ControlState) -> Bool { message.queue.holds(message, control) }
}
