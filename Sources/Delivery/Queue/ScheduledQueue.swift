import Cluster
import DNS
import Message
import NIOCore
import Platform
import Policy
import Resources
import SMTP
import Shaping
import Spool
import Synchronization
import Telemetry

/// *Loop-confined*: one scheduled queue: it owns the retry time and the expiry of its messages, and offers those that are due to an
/// egress path. It belongs to its `Shard`; others know it by its gate.
///
/// A message is at any time in exactly one of three places: in `heap` (deferred, or due and waiting), out (being read back, in a ready
/// queue, or held by a connection; counted by `out`), or gone. The queue finishes what it sent out: outcomes come back to `settle`.
///
/// *Diagnostics*: a policy that fails, a domain that does not resolve and a message that cannot be read are logged once per
/// occurrence; nothing is dropped.
final class ScheduledQueue: Sleeper {
    /// What others see of the queue.
    let gate: QueueGate
    let ground: ShardGround
    let services: DeliveryServices
    var wakeUp = MonotonicInstant.distantFuture
    var pushedWakeUp = MonotonicInstant.distantFuture

    var heap = DueHeap()
    /// Messages of the heap whose content is still in memory.
    var residents: [UInt32: QueuedMessage] = [:]
    /// Who waits for messages that are being read back.
    var readings: [SpoolHandle: Reading] = [:]
    var setup: QueueSetup?
    var route: MailRoute?
    /// Messages that are read back, ready, or held by a connection.
    var out = 0
    var block: QueueBlock = .none
    /// The path that got the last message; it may know why nothing moves.
    private(set) var lastPath: PathGate?
    var lastReply: String?
    var delivered = 0
    var isLoadingSetup = false
    /// After a failure the policy is not asked again before this time.
    var setupRetryAt = MonotonicInstant.distantPast
    /// The policy failed when it was last asked, and nothing was read before.
    var setupFailure: String?
    /// Due times of the heap come from the disk and may be later than the retry schedule could have asked for.
    var isUnchecked = false
    /// Counts the policies this queue has heard of, and the one its setup comes from.
    var policies = 0
    var setupPolicy = 0
    var setupIsStale: Bool { setupPolicy != policies }
    var isResolving = false
    var routeFailure: KnownFailure?
    /// The route was just looked up: until then it may be used once, however short its time to live.
    var routeFreshUntil = MonotonicInstant.distantPast
    /// The isolation group to which its messages move.
    var redirect: QueueGate?
    /// Queues whose messages moved here.
    var origins: [String: GroupOrigin] = [:]
    /// Messages that are being bounced or rebound.
    var sweep: QueueSweep?
    /// A sweep met messages that cannot be read: it begins again then.
    var sweepAgainAt = MonotonicInstant.distantPast
    /// Rebinds for messages that were here when they were issued, as long as some of them are out.
    var rebinds: [Rebind] = []
    private var isPumping = false
    var nextExpiryScan = MonotonicInstant.distantPast
    private(set) var lastUse: MonotonicInstant

    /// How many due messages one pump moves before it lets the loop breathe.
    static let pumpBatch = 256

    init(_ gate: QueueGate, on ground: ShardGround) {
        self.gate = gate
        self.ground = ground
        services = ground.services
        lastUse = services.clocks.now
    }

    var name: String { gate.name }
    var loop: any EventLoop { ground.loop }
    var timers: QueueTimers { ground.timers }
    /// What rules of the control plane say of this queue now.
    var rules: QueueRules.Found { gate.rules.current(services.control) }

    /// Asks something of this queue, with the next turn of the loop.
    func postLater(_ command: QueueCommand) { ground.address.post(.queue(gate, command)) }

    /// The timer has fired.
    func wake() { pump() }

    /// Carries out a command.
    func perform(_ command: consuming QueueCommand) {
        switch consume command {
        case .accept(let message): accept(message)
        case .adopt(let message, let due): adopt(message, due: due)
        case .adoptEntry(let entry, let isChecked, let former): adopt(entry, isChecked: isChecked, from: former)
        case .recover(let messages): for message in messages { recover(message) }
        case .settle(let message, let outcome): settle(message, outcome)
        case .pump: pump()
        case .resolved(let answer): resolved(answer)
        case .readBack(let handle, let result): readBack(handle, result)
        case .sweep: resumeSweep()
        case .awaitBarrier: awaitBarrier()
        case .sweepSlotFree:
            continueSweep()
            services.callNextSweep()
        case .rulesChanged: rulesChanged()
        case .originsChanged(let scope): originsChanged(scope)
        case .rebind(let rebind): startRebind(rebind)
        }
    }

    // MARK: In

    /// Takes a message that was just made durable; due now.
    func accept(_ message: QueuedMessage) {
        loop.assertInEventLoop()
        if let successor { return services.post(successor, .accept(passed(message, to: successor))) }
        lastUse = message.received
        if let origin = message.origin { note(origin) }
        let now = message.received
        // Straight through when nothing waits before it: the common case touches no heap.
        if heap.isEmpty || (heap.first.map { $0.due > now } ?? true),
            let setup, let route, !rules.isHolding, !message.isHeldByOrigin(services.control), route.expires > now,
            !needsRefresh(setup),
            setup.limiter == nil, let path = choosePath(setup, route, isFresh: true)
        {
            out += 1
            hand(message, to: path)
            return
        }
        stay(message, due: now)
        pump()
    }

    /// Takes a message that a rebind or a redirection moved here; it is due when it was.
    func adopt(_ message: QueuedMessage, due: MonotonicInstant) {
        if let successor { return services.post(successor, .adopt(passed(message, to: successor), due: due)) }
        if let origin = message.origin { note(origin) }
        stay(message, due: due)
        pump()
    }

    /// Takes the entry of a message whose content is on disk.
    /// - Parameters:
    ///   - isChecked: false when the due time comes from the disk and the retry schedule has not been asked about it.
    ///   - former: the queue it was redirected from.
    func adopt(_ entry: DueEntry, isChecked: Bool, from former: GroupOrigin? = nil) {
        if let successor {
            let former = former ?? (successor === redirect ? gate.origin : nil)
            return services.post(successor, .adoptEntry(entry, isChecked: isChecked, from: former))
        }
        if let former {
            note(former)
            if former.current(services.control).isHolding { return sendBack(entry, isChecked: isChecked, to: former) }
        }
        var entry = entry
        if !isChecked { check(&entry) }
        insert(entry)
        if rules.bounce != nil { timers.schedule(self, at: services.clocks.now) }
    }

    /// The message as the queue that follows this one gets it.
    private func passed(_ message: QueuedMessage, to target: QueueGate) -> QueuedMessage {
        var message = message
        message.queue = target
        if target === redirect, message.origin == nil { message.origin = gate.origin }
        return message
    }

    /// Puts a message into the heap; its content stays in memory while the budget allows.
    func keep(_ message: QueuedMessage, due: MonotonicInstant) {
        if message.content != nil {
            if services.resident.hasRoom || message.isReduced {
                residents[message.handle.raw] = message
            } else {
                forgetContent(of: message)
            }
        }
        insert(message.entry(due: due))
    }

    func insert(_ entry: DueEntry) {
        heap.insert(entry)
        services.metrics.scheduledCount.add(1)
        timers.schedule(self, at: entry.due)
    }

    /// Gives back the memory that the content of a message took; the spool has it. The caller drops the message or its content.
    func forgetContent(of message: QueuedMessage) {
        if let content = message.content { services.resident.remove(content.residentBytes) }
    }

    /// Forgets the content of a message; the spool has it.
    func release(_ message: inout QueuedMessage) {
        forgetContent(of: message)
        message.content = nil
    }

    // MARK: Out

    /// Moves what is due to its egress path; called by the timer, by a path that has room again, and after each change.
    func pump() {
        loop.assertInEventLoop()
        guard !gate.isRetired, !isPumping, services.state.phase != .stopping else { return }  // a path that stops hands everything back
        isPumping = true
        defer { isPumping = false }
        let now = services.clocks.now
        expireWaiting(now: now)
        let rules = rules
        if rules.bounce != nil, now >= sweepAgainAt { startSweep() }
        guard !heap.isEmpty else {
            block = .none
            return reapIfIdle(now: now)
        }
        if rules.bounce != nil { return timers.schedule(self, at: sweepAgainAt) }
        if let rule = rules.suspension {
            _ = currentSetup(now: now)  // expiry needs to know max_age
            block = .suspended(rule.sentence)
            return timers.schedule(self, at: min(now + .seconds(10), rule.end.instant))
        }
        guard let setup = currentSetup(now: now) else { return }
        guard redirect == nil else { return drainIntoRedirect() }
        guard let first = heap.first, first.due <= now else { return scheduleNext(now: now) }
        guard let route = currentRoute(now: now) else { return }
        move(setup, route, now: now)
    }

    private func move(_ setup: QueueSetup, _ route: MailRoute, now: MonotonicInstant) {
        var budget = Self.pumpBatch
        block = .none
        while let first = heap.first, first.due <= now {
            guard budget > 0 else { return postLater(.pump) }
            budget -= 1
            if out > 0, residents[first.handle] == nil, !services.resident.hasRoom {  // reading back more would burst the budget
                block = .memory
                return timers.schedule(self, at: now + .seconds(1))
            }
            guard let path = choosePath(setup, route) else { return }
            if setup.limiter != nil, isHeldByRate(setup, now: now) { return services.giveBack(1, to: path) }
            let rate = setup.limiter.map { QueueRate(limiter: $0, gate: setup.gate) }
            _ = heap.popFirst()
            services.metrics.scheduledCount.add(-1)
            out += 1
            if let message = residents.removeValue(forKey: first.handle) {
                hand(message, to: path, rate: rate)
            } else {
                load(first) { [unowned self] message in
                    if let message {
                        hand(message, to: path, rate: rate)
                    } else {
                        services.giveBack(1, to: path)
                        if rate?.gate.returned() == true { postLater(.pump) }
                        out -= 1
                    }
                }
            }
        }
        scheduleNext(now: now)
    }

    /// Whether the queue's own rate lets no further message out now. The slot itself is taken where MAIL is written.
    private func isHeldByRate(_ setup: QueueSetup, now: MonotonicInstant) -> Bool {
        switch setup.gate.admit(now: services.clocks.now.nanoseconds) {
        case .go: return false
        case .enough:
            timers.schedule(self, at: now + .seconds(10))  // for expiry, granted or not
        case .wait(let until):
            let next = MonotonicInstant(nanoseconds: until)
            block = .messageRate(limit: setup.config.maxMessageRate?.text ?? "", until: next)
            services.metrics.delayedByRate.add(1)
            timers.schedule(self, at: next)
        }
        return true
    }

    /// Gives a message to the path that has a place for it.
    private func hand(_ message: consuming QueuedMessage, to path: PathGate, rate: QueueRate? = nil) {
        lastPath = path
        let end = expiry(of: message.envelope)
        services.post(path, .offer(Attempt(message, expiry: end, rate: rate)))
    }

    func scheduleNext(now: MonotonicInstant) {
        guard let next = heap.first else { return }
        // A due message that waits behind a limit still has to expire.
        timers.schedule(self, at: next.due > now ? next.due : now + min(.seconds(10), maximumAge + .milliseconds(1)))
    }

    /// Picks a source by weighted round robin among those whose ready queue has room, and reserves one place in it.
    private func choosePath(_ setup: QueueSetup, _ route: MailRoute, isFresh: Bool = false) -> PathGate? {
        let control = services.control
        var chosen: PathGate?
        var full: [PathGate] = []
        let source = setup.sources.next { source in
            let path = ground.path(source: source, route: route, domain: gate.routingDomain)
            if path.reserve(isFresh: isFresh, control) {
                chosen = path
                return true
            }
            full.append(path)
            return false
        }
        if source == nil {
            if let path = full.first(where: { $0.suspension(control) == nil }) {
                block = .readyQueueFull(path: path.name)
                services.metrics.readyFull.add(1)
            } else if let path = full.first {
                block = .pathSuspended(path: path.name, rule: path.suspension(control)?.sentence ?? "")
            } else {
                block = .noSource(pool: setup.poolName)
            }
            for path in full { services.pump(path.wait(gate, control)) }
            timers.schedule(self, at: services.clocks.now + .seconds(10))  // for expiry, room or not
        }
        return chosen
    }
}
