package import Cluster
package import DNS
package import Message
import NIOCore
package import Platform
import Policy
import SMTP
import Shaping
import Spool
import Synchronization
import Telemetry

/// *Loop-confined*: one scheduled queue: it owns the retry time and the expiry of its messages, and offers those that are due to an
/// egress path.
///
/// A message is at any time in exactly one of three places: in `heap` (deferred, or due and waiting), out (being read back, in a ready
/// queue, or held by a connection; counted by `out`), or gone. The queue finishes what it sent out: outcomes come back to `settle`.
///
/// *Diagnostics*: a policy that fails, a domain that does not resolve and a message that cannot be read are logged once per
/// occurrence; nothing is dropped.
package final class ScheduledQueue: @unchecked Sendable {
    package let name: String
    package let parsed: QueueName
    package let shard: Shard
    /// When `QueueTimers` will wake the queue.
    package var wakeUp = MonotonicInstant.distantFuture
    /// The farthest time for which `QueueTimers` holds an entry of this queue; `.distantFuture` when there is none.
    var pushedWakeUp = MonotonicInstant.distantFuture

    package var heap = DueHeap()
    /// Messages of the heap whose content is still in memory.
    var residents: [UInt32: QueuedMessage] = [:]
    var setup: QueueSetup?
    package var route: MailRoute?
    /// Messages that are read back, ready, or held by a connection.
    package var out = 0
    package var block: QueueBlock = .none
    /// The path that got the last message; it may know why nothing moves.
    private(set) var lastPath: EgressPath?
    package var lastReply: String?
    package var delivered = 0
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
    var redirect: ScheduledQueue?
    /// The queue as such a group remembers it.
    package let origin: GroupOrigin
    /// Queues whose messages moved here.
    package var origins: [String: GroupOrigin] = [:]
    /// What rules of the control plane say of this queue; from any loop.
    package let rules: QueueRules
    package let parts: QueueParts
    /// Messages that are being bounced or rebound.
    package var sweep: QueueSweep?
    /// A sweep met messages that cannot be read: it begins again then.
    var sweepAgainAt = MonotonicInstant.distantPast
    /// Rebinds for messages that were here when they were issued, as long as some of them are out.
    var rebinds: [Rebind] = []
    /// Messages received until then come back from ready queues to be rebound. Atomic.
    let recallUntil = Atomic<MonotonicInstant>(.distantPast)
    private var isPumping = false
    var nextExpiryScan = MonotonicInstant.distantPast
    let retired = Atomic<Bool>(false)
    /// Another queue sends its messages here (`queue_name`).
    let isGroup = Atomic<Bool>(false)
    private(set) var lastUse: MonotonicInstant

    /// How many due messages one pump moves before it lets the loop breathe.
    static let pumpBatch = 256

    package init(name: String, parsed: QueueName, shard: Shard) {
        self.name = name
        self.parsed = parsed
        self.shard = shard
        lastUse = shard.services.clocks.now
        parts = QueueParts(parsed, name: name)
        rules = QueueRules(parts: parts)
        origin = GroupOrigin(name: name, parts: parts, rules: rules)
    }

    package var services: DeliveryServices { shard.services }

    /// Whether the queue was given up because it was idle; read from any loop. A message that still comes is passed on.
    var isRetired: Bool { retired.load(ordering: .acquiring) }

    /// The domain whose route the queue's messages take.
    package var routingDomain: String { parsed.routingDomain ?? parsed.domain }

    // MARK: In

    /// Takes a message that was just made durable; due now.
    package func accept(_ message: QueuedMessage) {
        shard.loop.assertInEventLoop()
        if let successor { return forward(message, to: successor) }
        lastUse = message.received
        if let origin = message.origin { note(origin) }
        let now = message.received
        // Straight through when nothing waits before it: the common case touches no heap.
        if heap.isEmpty || (heap.first.map { $0.due > now } ?? true),
            let setup, let route, !rules.current(services.control).isHolding, !isHeldByOrigin(message), route.expires > now,
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
        if let successor {
            pass(message, to: successor)
            return successor.shard.postLater(.run { successor.adopt(message, due: due) })
        }
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
            let former = former ?? (successor === redirect ? origin : nil)
            return successor.shard.postLater(.run { successor.adopt(entry, isChecked: isChecked, from: former) })
        }
        if let former {
            note(former)
            if former.current(services.control).isHolding { return sendBack(entry, isChecked: isChecked, to: former) }
        }
        var entry = entry
        if !isChecked { check(&entry) }
        insert(entry)
        if rules.current(services.control).bounce != nil { shard.timers.schedule(self, at: services.clocks.now) }
    }

    private func forward(_ message: QueuedMessage, to target: ScheduledQueue) {
        pass(message, to: target)
        target.shard.postLater(.accept(message))
    }

    private func pass(_ message: QueuedMessage, to target: ScheduledQueue) {
        message.queue = target
        if target === redirect, message.origin == nil { message.origin = origin }
    }

    /// Puts a message into the heap; its content stays in memory while the budget allows.
    package func keep(_ message: QueuedMessage, due: MonotonicInstant) {
        guard let handle = message.handle else { return }
        if message.content != nil {
            if services.resident.hasRoom || message.isReduced { residents[handle.raw] = message } else { release(message) }
        }
        insert(DueEntry(due: due, handle: handle.raw, received: message.received, attempts: message.attempts))
    }

    package func insert(_ entry: DueEntry) {
        heap.insert(entry)
        services.metrics.scheduledCount.add(1)
        shard.timers.schedule(self, at: entry.due)
    }

    /// Forgets the content of a message; the spool has it.
    func release(_ message: QueuedMessage) {
        guard let content = message.content else { return }
        services.resident.remove(content.residentBytes)
        message.content = nil
    }

    // MARK: Out

    /// Moves what is due to its egress path; called by the timer, by a path that has room again, and after each change.
    func pump() {
        shard.loop.assertInEventLoop()
        guard !isRetired, !isPumping, services.state.phase != .stopping else { return }  // a path that stops hands everything back
        isPumping = true
        defer { isPumping = false }
        let now = services.clocks.now
        expireWaiting(now: now)
        let rules = rules.current(services.control)
        if rules.bounce != nil, now >= sweepAgainAt { startSweep() }
        guard !heap.isEmpty else {
            block = .none
            return reapIfIdle(now: now)
        }
        if rules.bounce != nil { return shard.timers.schedule(self, at: sweepAgainAt) }
        if let rule = rules.suspension {
            _ = currentSetup(now: now)  // expiry needs to know max_age
            block = .suspended(rule.sentence)
            return shard.timers.schedule(self, at: min(now + .seconds(10), rule.end.instant))
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
            guard budget > 0 else { return shard.postLater(.pump(self)) }
            budget -= 1
            if out > 0, residents[first.handle] == nil, !services.resident.hasRoom {  // reading back more would burst the budget
                block = .memory
                return shard.timers.schedule(self, at: now + .seconds(1))
            }
            guard let path = choosePath(setup, route) else { return }
            if setup.limiter != nil, isHeldByRate(setup, now: now) { return path.giveBack(1) }
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
                        path.giveBack(1)
                        if rate?.gate.returned() == true { shard.postLater(.pump(self)) }
                        out -= 1
                    }
                }
            }
        }
        scheduleNext(now: now)
    }

    /// Whether the queue's own rate lets no further message out now. The permit itself is taken where MAIL is written.
    private func isHeldByRate(_ setup: QueueSetup, now: MonotonicInstant) -> Bool {
        switch setup.gate.admit(now: services.clocks.now.nanoseconds) {
        case .go: return false
        case .enough:
            shard.timers.schedule(self, at: now + .seconds(10))  // for expiry, granted or not
        case .wait(let until):
            let next = MonotonicInstant(nanoseconds: until)
            block = .messageRate(limit: setup.config.maxMessageRate?.text ?? "", until: next)
            services.metrics.delayedByRate.add(1)
            shard.timers.schedule(self, at: next)
        }
        return true
    }

    /// Gives a message to the path that has a place for it.
    private func hand(_ message: QueuedMessage, to path: EgressPath, rate: QueueRate? = nil) {
        lastPath = path
        message.rate = rate
        message.expiry = expiry(of: message)
        path.shard.post(.offer(path, message))
    }

    func scheduleNext(now: MonotonicInstant) {
        guard let next = heap.first else { return }
        // A due message that waits behind a limit still has to expire.
        shard.timers.schedule(self, at: next.due > now ? next.due : now + min(.seconds(10), maximumAge + .milliseconds(1)))
    }

    /// Picks a source by weighted round robin among those whose ready queue has room, and reserves one place in it.
    private func choosePath(_ setup: QueueSetup, _ route: MailRoute, isFresh: Bool = false) -> EgressPath? {
        var chosen: EgressPath?
        var full: [EgressPath] = []
        let source = setup.sources.next { source in
            let path = shard.path(source: source, route: route, queue: self)
            if path.reserve(isFresh: isFresh) {
                chosen = path
                return true
            }
            full.append(path)
            return false
        }
        if source == nil {
            if let path = full.first(where: { $0.suspension == nil }) {
                block = .readyQueueFull(path: path.name)
                services.metrics.readyFull.add(1)
            } else if let path = full.first {
                block = .pathSuspended(path: path.name, rule: path.suspension?.sentence ?? "")
            } else {
                block = .noSource(pool: setup.poolName)
            }
            for path in full { path.wait(self) }
            shard.timers.schedule(self, at: services.clocks.now + .seconds(10))  // for expiry, room or not
        }
        return chosen
    }
}
