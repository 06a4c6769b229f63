import Client
package import Cluster
package import DNS
package import DequeModule
import Message
import NIOCore
import Platform
import Policy
import SMTP
package import Shaping
import Synchronization
import Telemetry

/// *Loop-confined*: one egress path, `source->site@protocol`: the ready queue, the connections that drain it, and its limits.
///
/// `reserve`, `giveBack`, `wait` and the facts marked atomic may be used from any loop; everything else runs on `shard.loop`.
///
/// *Diagnostics*: a failing `get_egress_path_config` is logged and asked again in 15 s, the messages wait; connection failures become
/// outcomes of messages; nothing traps on what a peer does.
package final class EgressPath: @unchecked Sendable {
    package let name: String
    package let site: String
    package let source: QueueSetup.Source
    package let shard: Shard
    /// A domain that uses this path, for the policy.
    private let domain: String

    /// Places left in the ready queue; negative while a reduced `max_ready` drains. Atomic.
    private let places: Atomic<Int>
    /// When the route this path knows expires. Atomic.
    let routeExpires = Atomic<MonotonicInstant>(.distantPast)
    private let retired = Atomic<Bool>(false)
    private let capacityShared = Atomic<Int>(1)
    private let waiting = Mutex(WaitingQueues())
    private let hasWaiting = Atomic<Bool>(false)

    package private(set) var config: EgressPathConfig?
    /// Until the policy has said `max_ready`, one message at a time is let in.
    private var capacity = 1
    private var refreshAt: Int64 = 0
    private var isLoadingConfig = false
    package var route: MailRoute
    package private(set) var ready = Deque<QueuedMessage>()
    package private(set) var connections: [ObjectIdentifier: EgressConnection] = [:]
    package private(set) var idle: [EgressConnection] = []
    package private(set) var limits: PathLimits?
    private var consecutiveFailures = 0
    private var timer: (at: Int64, task: Scheduled<Void>)?
    package var block: PathBlock = .none {
        didSet { if block != oldValue { shown.withLock { $0 = block } } }
    }
    private let shown = Mutex(PathBlock.none)
    private var lastUse = Clock.monotonic()
    private var isServing = false
    var isWatching = false
    /// Monotonic time before which nothing is dialled, after a shortage of this machine.
    var dialsAgainAt = Int64.min
    package private(set) var lastReply: String?

    package init(name: String, source: QueueSetup.Source, route: MailRoute, domain: String, shard: Shard) {
        self.name = name
        self.source = source
        self.site = route.siteName
        self.route = route
        self.domain = domain
        self.shard = shard
        self.places = Atomic(1)
    }

    package var services: DeliveryServices { shard.services }
    package var isRetired: Bool { retired.load(ordering: .acquiring) }

    // MARK: From any loop

    /// Why the path sends nothing, one line; from any loop.
    var blockText: String? { suspension.map { "suspended: \($0.sentence)" } ?? shown.withLock { $0 }.text(services.clocks) }

    /// Whether the path sends nothing, for longer than a moment; from any loop.
    var isStanding: Bool { suspension != nil || shown.withLock { $0 }.isStanding(at: services.clocks.now) }

    /// The rule that forbids this path to send; from any loop.
    package var suspension: ControlEntry? { services.control.pathSuspension(name) }

    /// Takes one place in the ready queue; `offer` or `giveBack` must follow.
    ///
    /// Fresh messages leave the last places to queues that wait for room: else deferred mail would starve behind new mail.
    package func reserve(isFresh: Bool) -> Bool {
        guard suspension == nil else { return false }
        if isFresh, hasWaiting.load(ordering: .relaxed), places.load(ordering: .relaxed) <= wakeThreshold { return false }
        if places.wrappingSubtract(1, ordering: .acquiringAndReleasing).oldValue > 0 { return true }
        places.wrappingAdd(1, ordering: .acquiringAndReleasing)
        return false
    }

    /// Gives places back; wakes queues that wait for room once a good part is free.
    func giveBack(_ count: Int) {
        let free = places.wrappingAdd(count, ordering: .acquiringAndReleasing).newValue
        guard hasWaiting.load(ordering: .relaxed), free >= wakeThreshold, suspension == nil else { return }
        let woken = waiting.withLock { waiting in
            defer { hasWaiting.store(!waiting.isEmpty, ordering: .relaxed) }
            return waiting.take(max(1, free))
        }
        for queue in woken { queue.shard.postLater(.pump(queue)) }
    }

    /// Free places at which queues that wait for room are woken: a wake-up per message would be one hop per message.
    private var wakeThreshold: Int { max(1, min(64, capacityShared.load(ordering: .relaxed) / 4)) }

    /// The queue is pumped when the ready queue has room again.
    package func wait(_ queue: ScheduledQueue) {
        waiting.withLock { waiting in
            waiting.add(queue)
            hasWaiting.store(true, ordering: .relaxed)
        }
        // Room may have come between the failed reservation and this registration.
        if places.load(ordering: .acquiring) > 0 { giveBack(0) }
    }

    // MARK: Ready queue

    /// Takes a message for which a place was reserved.
    func offer(_ message: QueuedMessage) {
        shard.loop.assertInEventLoop()
        message.readySince = Clock.monotonic()
        ready.append(message)
        services.metrics.readyCount.add(1)
        serve()
    }

    /// Moves ready messages to connections and opens the connections the backlog calls for.
    package func serve() {
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
    private func dispatch(on connection: EgressConnection, _ config: EgressPathConfig) -> Bool {
        while let message = takeReady() {
            if connection.send(message, recipients: config.maxRecipientsPerBatch) { return true }
            // The content could not be sent at all; the connection stays usable for the next one.
        }
        return false
    }

    /// The message whose envelope may ride behind the content of the one that `connection` is sending; `nil` when nothing may be sent now.
    func lookAhead(for connection: EgressConnection) -> QueuedMessage? {
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
    private func mayFollow(_ message: QueuedMessage, on connection: EgressConnection) -> Bool {
        guard message.rate == nil else { return false }
        switch limits?.lookAhead {
        case .free, nil: return true
        case .ifQuick: return connection.answerTime <= Self.quickAnswer
        case .never: return false
        }
    }

    private static let quickAnswer: Int64 = 20_000_000

    /// Takes the first ready message out, within the limits; `nil` when there is none, or a limit says to wait.
    /// - Parameter other: the connection whose running message it would follow; nil for one that is free.
    private func takeReady(behind other: EgressConnection? = nil) -> QueuedMessage? {
        guard suspension == nil else {
            returnEverything()
            return nil
        }
        while let message = ready.first {
            if message.hasExpired(at: services.clocks.now) {
                leave(message, .outOfTime)
                continue
            }
            if message.queue.holds(message) {
                leave(message, .untouched)
                continue
            }
            if let other, !mayFollow(message, on: other) { return nil }
            guard mayTransact() else { return nil }
            guard message.takeRate() else {  // its queue sends it again when its rate allows
                leave(message, .untouched)
                continue
            }
            if case .wait(let until, let limit)? = limits?.takeMessage(now: Clock.monotonic()) {
                message.giveRate()
                block = .messageRate(limit, until: MonotonicInstant(nanoseconds: until))
                wake(at: until)
                return nil
            }
            if limits?.leasesEnd == true { limits?.noteTransaction() }
            _ = ready.popFirst()
            services.metrics.readyCount.add(-1)
            block = .none
            return message
        }
        return nil
    }

    private func openConnections(_ config: EgressPathConfig) {
        // A connection that is idle while messages are ready waits for a rate: another one would wait beside it.
        guard !ready.isEmpty, idle.isEmpty else { return }
        if isShort(now: Clock.monotonic()) { return }
        let ideal = IdealConnections.count(backlog: ready.count, limit: config.connectionLimit)
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
        guard opening < ideal, connections.count < config.connectionLimit, mayTransact() || connections.isEmpty else {
            if connections.count >= config.connectionLimit { block = .connectionLimit(config.connectionLimit) }
            return
        }
        for _ in opening..<ideal where connections.count < config.connectionLimit {
            let now = Clock.monotonic()
            guard takeSlot(now: now) else { return }
            switch limits?.takeConnection(now: now) {
            case .wait(let until, let limit)?:
                services.egressSlots.give()
                let isEnded = limits.map { $0.leasesEnd && $0.hasLostLease(limit, now: now) } ?? false
                block = isEnded ? .leaseEnded(limit) : .connectionRate(limit, until: MonotonicInstant(nanoseconds: until))
                return wake(at: until)
            case .granted?, nil: break
            }
            let connection = EgressConnection(path: self, config: config)
            connection.permits = limits?.permitsTaken()
            connections[ObjectIdentifier(connection)] = connection
            services.metrics.connectionOpened()
            connection.open()
            if isRated { return }
        }
    }

    /// Under a rate of new connections the next one may follow.
    func connectionIsDialled() {
        if limits?.hasConnectionRate == true, !ready.isEmpty { shard.postLater(.run { [self] in serve() }) }
    }

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
        wake(at: connection.idleSince + config.idleTimeout.wholeNanoseconds)
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
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        connection.permits?.give()
        services.egressSlots.give()
        services.metrics.connectionClosed()
        if ready.isEmpty { wake(at: Clock.monotonic() + Self.idleLife) } else { shard.postLater(.run { [self] in serve() }) }
    }

    /// No host of the site could be reached: the message the connection was opened for has its outcome; after many failures in a row
    /// the whole ready queue has.
    func connectionFailed(_ failure: DialFailure, of connection: EgressConnection) {
        lastReply = failure.reply.oneLine.excerpt(Self.replyExcerpt)
        if let until = failure.rememberedUntil {  // nothing was attempted
            while let message = ready.first { leave(message, .postponed(failure.reply, until: until)) }
            return
        }
        consecutiveFailures += 1
        services.metrics.connectionFailures.add(1)
        if failure.isConnected {
            Log.warn("no session with a site", ["path": name, "reply": failure.reply.oneLine.excerpt(Self.replyExcerpt)])
        }
        let all = consecutiveFailures >= (config?.consecutiveConnectionFailuresBeforeDelay ?? 100) || failure.isForAll
        if all { consecutiveFailures = 0 }
        var count = all ? ready.count : min(1, ready.count)
        while count > 0, let message = ready.first {
            count -= 1
            var outcome = AttemptOutcome.everyone(message, failure.fate, failure.reply, command: failure.command)
            connection.describe(&outcome)
            outcome.peer = failure.candidate.map { ($0.host, $0.address.text) }
            if !failure.isConnected {
                outcome.sessionID = nil
                outcome.deliveryProtocol = nil
            }
            leave(message, outcome)
        }
    }

    /// Takes the first ready message out and gives it back to its queue.
    private func leave(_ message: QueuedMessage, _ outcome: AttemptOutcome) {
        _ = ready.popFirst()
        services.metrics.readyCount.add(-1)
        settle(message, outcome)
    }

    /// Gives a message back to its queue with what became of it, and its place to the next.
    func settle(_ message: QueuedMessage, _ outcome: AttemptOutcome) {
        var outcome = outcome
        if !message.results.isEmpty {  // what earlier transactions of this attempt decided still holds
            let decided = Set(message.results.map(\.address))
            outcome.recipients = message.results + outcome.recipients.filter { !decided.contains($0.address) }
            outcome.consumesAttempt = true
            message.results = []
        }
        if let last = outcome.recipients.last, last.fate != .delivered { lastReply = last.reply.oneLine.excerpt(Self.replyExcerpt) }
        giveBack(1)
        message.queue.shard.post(.settle(message, outcome))
    }

    /// Bytes of a reply that are kept for `explain`.
    private static let replyExcerpt = 2048

    /// A session ended between messages: `explain` tells what was said.
    func sessionBroke(_ reply: Reply) { lastReply = reply.oneLine.excerpt(Self.replyExcerpt) }

    /// Puts a message that was not (wholly) sent back at the head of the ready queue; its place was never given up.
    func putBack(_ message: QueuedMessage) {
        message.returnRate()
        ready.prepend(message)
        services.metrics.readyCount.add(1)
        shard.postLater(.run { [self] in serve() })
    }

    private func returnEverything() {
        while let message = ready.popFirst() {
            services.metrics.readyCount.add(-1)
            settle(message, .untouched)
        }
    }

    /// Rules changed: what may not be sent any more goes back to its queue, and queues that wait for this path hear when it is free again.
    func obeyRules() {
        guard suspension == nil else { return returnEverything() }
        giveBack(0)
        guard ready.contains(where: { $0.queue.holds($0) }) else { return }
        let all = ready
        ready = []
        for message in all {
            guard message.queue.holds(message) else {
                ready.append(message)
                continue
            }
            services.metrics.readyCount.add(-1)
            settle(message, .untouched)
        }
    }

    /// The node stops: idle connections quit, busy ones finish their transaction.
    package func stop() {
        returnEverything()
        let limit = config?.effectiveShutdownTimeout ?? .seconds(60)
        for connection in connections.values { connection.quitWhenIdle() }
        let box = LoopBound(self)
        shard.loop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
            for connection in box.value.connections.values { connection.abort() }
        }
    }

    // MARK: Configuration and time

    private func currentConfig() -> EgressPathConfig? {
        let now = Clock.monotonic()
        if now >= refreshAt { loadConfig() }
        return config
    }

    /// There is another policy: asks it at once. On the path's loop.
    package func policyChanged() {
        refreshAt = .min / 4
        shard.postLater(.run { [self] in serve() })
    }

    private func loadConfig() {
        guard !isLoadingConfig else { return }
        isLoadingConfig = true
        refreshAt = .max
        if config == nil { block = .policy("waiting for get_egress_path_config") }
        shard.engine.ask(
            .getEgressPathConfig, [.string(domain), .string(source.name), .string(site)], what: "get_egress_path_config"
        ) { table throws(ConfigError) in
            try EgressPathConfig(table)
        } completion: { [self] result in
            isLoadingConfig = false
            // Below the largest value: another policy came while the former one answered.
            let isStale = refreshAt != .max
            switch result {
            case .success(let fresh):
                adopt(fresh ?? .defaults)
                if isStale { refreshAt = .min / 4 }
                shard.postLater(.run { [self] in serve() })
            case .failure(let failure):
                Log.error("policy failed for an egress path", ["path": name, "error": failure.message])
                block = .policy(failure.message)
                refreshAt = isStale ? .min / 4 : Clock.monotonic() + 15_000_000_000
                wake(at: refreshAt)
            }
        }
    }

    private func adopt(_ fresh: EgressPathConfig) {
        let change = fresh.maxReady - capacity
        capacity = fresh.maxReady
        capacityShared.store(capacity, ordering: .relaxed)
        places.wrappingAdd(change, ordering: .acquiringAndReleasing)
        if change > 0 { giveBack(0) }
        limits = PathLimits(path: name, config: fresh, roots: services.limits, replacing: limits)
        watchLeases()
        config = fresh
        // A policy that wants to be asked without end is asked once a second.
        refreshAt = Clock.monotonic() + max(fresh.refreshInterval, .seconds(1)).wholeNanoseconds
    }

    /// How long a path without mail is kept.
    private static let idleLife: Int64 = 600_000_000_000

    func wake(at time: Int64) {
        if let timer, timer.at <= time { return }
        timer?.task.cancel()
        let wait = max(1_000_000, time - Clock.monotonic())
        let box = LoopBound(self)
        timer = (time, shard.loop.scheduleTask(in: .nanoseconds(wait)) { box.value.tick() })
    }

    private func tick() {
        timer = nil
        let now = Clock.monotonic()
        if let config {
            let limit = config.idleTimeout.wholeNanoseconds
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
        guard ready.contains(where: { $0.hasExpired(at: now) }) else { return }
        let all = ready
        ready = []
        for message in all {
            if message.hasExpired(at: now) {
                services.metrics.readyCount.add(-1)
                settle(message, .outOfTime)
            } else {
                ready.append(message)
            }
        }
    }

    /// The node has stopped: what is leased goes back, so that other nodes need not wait for its end.
    package func releaseLimits() { if connections.isEmpty { limits?.close() } }

    private func retireIfIdle(now: Int64) {
        guard now - lastUse >= Self.idleLife else { return wake(at: lastUse + Self.idleLife) }
        // Only when nobody holds a reservation: then nobody can get one any more.
        guard places.compareExchange(expected: capacity, desired: .min / 2, ordering: .acquiringAndReleasing).exchanged else {
            return wake(at: now + Self.idleLife)
        }
        retired.store(true, ordering: .releasing)
        services.paths.remove(self)
        limits?.close()
    }
}

extension QueuedMessage {
    /// Whether the message has outlived its queue's `max_age`. The queue fills `expiry` when it hands the message out.
    func hasExpired(at now: MonotonicInstant) -> Bool { now > expiry }
}
