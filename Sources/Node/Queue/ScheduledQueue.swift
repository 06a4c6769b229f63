import Cluster
import DNS
package import Message
import NIOCore
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
    /// When `QueueTimers` will wake the queue, Unix milliseconds.
    var wakeUp: Int64 = .max
    /// The farthest time for which `QueueTimers` holds an entry of this queue; `.max` when there is none.
    var pushedWakeUp: Int64 = .max

    var heap = DueHeap()
    /// Messages of the heap whose content is still in memory.
    var residents: [UInt32: QueuedMessage] = [:]
    var setup: QueueSetup?
    var route: MailRoute?
    /// Messages that are read back, ready, or held by a connection.
    var out = 0
    var block: QueueBlock = .none
    /// The path that got the last message; it may know why nothing moves.
    private(set) var lastPath: EgressPath?
    var lastReply: String?
    var delivered = 0
    private var isLoadingSetup = false
    /// After a failure the policy is not asked again before this time, monotonic.
    private var setupRetryAt: Int64 = 0
    private var isResolving = false
    private var routeFailure: (failure: RouteFailure, until: Int64)?
    private var redirect: ScheduledQueue?
    /// What rules of the control plane say of this queue; from any loop.
    let rules: QueueRules
    let parts: QueueParts
    /// Messages that are being bounced or rebound.
    var sweep: QueueSweep?
    /// A sweep met messages that cannot be read: it begins again then, Unix nanoseconds.
    var sweepAgainAt: Int64 = 0
    /// Rebinds for messages that were here when they were issued, as long as some of them are out.
    var rebinds: [Rebind] = []
    /// Messages received until then come back from ready queues to be rebound, Unix nanoseconds. Atomic.
    let recallUntil = Atomic<Int64>(.min)
    private var isPumping = false
    private var nextExpiryScan: Int64 = 0
    private let retired = Atomic<Bool>(false)
    /// Another queue sends its messages here (`queue_name`).
    private let isGroup = Atomic<Bool>(false)
    private(set) var lastUse: Int64 = Clock.wall()

    /// How many due messages one pump moves before it lets the loop breathe.
    private static let pumpBatch = 256

    init(name: String, parsed: QueueName, shard: Shard) {
        self.name = name
        self.parsed = parsed
        self.shard = shard
        parts = QueueParts(
            name: name, campaign: parsed.campaign, tenant: parsed.tenant, domain: parsed.domain, routingDomain: parsed.routingDomain)
        rules = QueueRules(parts: parts)
    }

    var services: NodeServices { shard.services }

    /// Whether the queue was given up because it was idle; read from any loop. A message that still comes is passed on.
    var isRetired: Bool { retired.load(ordering: .acquiring) }

    /// The domain whose route the queue's messages take.
    var routingDomain: String { parsed.routingDomain ?? parsed.domain }

    // MARK: In

    /// Takes a message that was just made durable; due now.
    func accept(_ message: QueuedMessage) {
        shard.loop.assertInEventLoop()
        if isRetired || redirect != nil { return forward(message) }
        lastUse = message.created
        let nowMilliseconds = message.created / 1_000_000
        // Straight through when nothing waits before it: the common case touches no heap.
        if heap.isEmpty || (heap.first.map { $0.due > nowMilliseconds } ?? true),
            let setup, let route, !rules.current(services.control).isHolding, route.expires > Clock.monotonic(), !needsRefresh(setup),
            setup.limiter == nil, let path = choosePath(setup, route, isFresh: true)
        {
            out += 1
            hand(message, to: path)
            return
        }
        stay(message, due: nowMilliseconds)
        pump()
    }

    /// Takes a message that a rebind moved here; it is due when it was.
    func adopt(_ message: QueuedMessage, due: Int64) {
        if isRetired || redirect != nil {
            let target = redirect ?? shard.queue(named: name)
            message.queue = target
            return target.shard.postLater(.run { target.adopt(message, due: due) })
        }
        stay(message, due: due)
        pump()
    }

    /// Takes a message that recovery found on disk.
    func recover(handle: SpoolHandle, due: Int64, created: Int64) {
        if isRetired || redirect != nil {
            let target = redirect ?? shard.queue(named: name)
            return target.shard.postLater(.run { target.recover(handle: handle, due: due, created: created) })
        }
        insert(handle, due: due / 1_000_000, created: created)
        if rules.current(services.control).bounce != nil { shard.timers.schedule(self, at: Clock.wall() / 1_000_000) }
    }

    private func forward(_ message: QueuedMessage) {
        let target = redirect ?? shard.queue(named: name)
        message.queue = target
        target.shard.postLater(.accept(message))
    }

    /// Puts a message into the heap; its content stays in memory while the budget allows.
    func keep(_ message: QueuedMessage, due: Int64) {
        guard let handle = message.handle else { return }
        if message.content != nil {
            if services.resident.hasRoom || message.isReduced { residents[handle.raw] = message } else { release(message) }
        }
        insert(handle, due: due, created: message.created)
    }

    func insert(_ handle: SpoolHandle, due: Int64, created: Int64) {
        heap.insert(DueHeap.Entry(due: due, handle: handle.raw, created: UInt32(clamping: created / 1_000_000_000)))
        services.metrics.scheduledCount.add(1)
        shard.timers.schedule(self, at: due)
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
        let now = Clock.wall()
        expireWaiting(now: now)
        let rules = rules.current(services.control)
        if rules.bounce != nil, now >= sweepAgainAt { startSweep() }
        guard !heap.isEmpty else {
            block = .none
            return reapIfIdle(now: now)
        }
        if rules.bounce != nil { return shard.timers.schedule(self, at: sweepAgainAt / 1_000_000 + 1) }
        if let rule = rules.suspension {
            _ = currentSetup(now: now)  // expiry needs to know max_age
            block = .suspended(rule.sentence)
            return shard.timers.schedule(self, at: min(now / 1_000_000 + 10_000, (rule.expires ?? .max) / 1_000_000 + 1))
        }
        guard let setup = currentSetup(now: now) else { return }
        guard redirect == nil else { return drainIntoRedirect() }
        guard let first = heap.first, first.due <= now / 1_000_000 else { return scheduleNext(now: now) }
        guard let route = currentRoute(now: now) else { return }
        move(setup, route, now: now)
    }

    private func move(_ setup: QueueSetup, _ route: MailRoute, now: Int64) {
        let nowMilliseconds = now / 1_000_000
        var budget = Self.pumpBatch
        block = .none
        while let first = heap.first, first.due <= nowMilliseconds {
            guard budget > 0 else { return shard.postLater(.pump(self)) }
            budget -= 1
            if out > 0, residents[first.handle] == nil, !services.resident.hasRoom {  // reading back more would burst the budget
                block = .memory
                return shard.timers.schedule(self, at: nowMilliseconds + 1000)
            }
            guard let path = choosePath(setup, route) else { return }
            if setup.limiter != nil, isHeldByRate(setup, nowMilliseconds: nowMilliseconds) { return path.giveBack(1) }
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
    private func isHeldByRate(_ setup: QueueSetup, nowMilliseconds: Int64) -> Bool {
        let monotonic = Clock.monotonic()
        switch setup.gate.admit(now: monotonic) {
        case .go: return false
        case .enough:
            shard.timers.schedule(self, at: nowMilliseconds + 10_000)  // for expiry, granted or not
        case .wait(let until):
            block = .messageRate(limit: setup.config.maxMessageRate?.text ?? "")
            services.metrics.delayedByRate.add(1)
            shard.timers.schedule(self, at: nowMilliseconds + max(1, (until - monotonic + 999_999) / 1_000_000))
        }
        return true
    }

    /// Gives a message to the path that has a place for it.
    private func hand(_ message: QueuedMessage, to path: EgressPath, rate: QueueRate? = nil) {
        lastPath = path
        message.rate = rate
        message.expiry = message.expires != 0 ? message.expires : message.created + (maximumAge ?? 0)
        path.shard.post(.offer(path, message))
    }

    private func scheduleNext(now: Int64) {
        if let next = heap.first { shard.timers.schedule(self, at: next.due) }
        if let limit = maximumAge {  // a due message that waits behind a limit still has to expire
            if let first = heap.first, first.due <= now / 1_000_000 {
                shard.timers.schedule(self, at: now / 1_000_000 + min(10_000, limit / 1_000_000 + 1))
            }
        }
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
            shard.timers.schedule(self, at: Clock.wall() / 1_000_000 + 10_000)  // for expiry, room or not
        }
        return chosen
    }

    // MARK: Policy and route

    private func needsRefresh(_ setup: QueueSetup) -> Bool { lastUse / 1_000_000 >= setup.refreshAt }

    private func currentSetup(now: Int64) -> QueueSetup? {
        if let setup, now / 1_000_000 < setup.refreshAt { return setup }
        loadSetup()
        return setup
    }

    private func loadSetup() {
        guard !isLoadingSetup, Clock.monotonic() >= setupRetryAt else { return }
        isLoadingSetup = true
        if setup == nil { block = .policy("waiting for get_queue_config") }
        QueueSetupLoader(engine: shard.engine, shard: shard).load(parsed, queueText: name) { [self] result in
            isLoadingSetup = false
            switch result {
            case .success(let fresh):
                if let old = setup {
                    fresh.gate = old.gate
                    if old.config.maxMessageRate == fresh.config.maxMessageRate { fresh.limiter = old.limiter } else { fresh.gate.forget() }
                }
                if setup?.config.maxAge != fresh.config.maxAge { nextExpiryScan = 0 }
                setup = fresh
                redirectIfGrouped(fresh)
            case .failure(let failure):
                Log.error("policy failed for a queue", ["queue": name, "error": failure.message])
                block = .policy(failure.message)
                setupRetryAt = Clock.monotonic() + 14_000_000_000
                shard.timers.schedule(self, at: Clock.wall() / 1_000_000 + 15_000)
                if setup == nil { return }
            }
            shard.postLater(.pump(self))
        }
    }

    /// `queue_name` of the policy names an isolation group: the messages move to the group's own queue.
    private func redirectIfGrouped(_ setup: QueueSetup) {
        guard let group = setup.config.queueName, group != parsed.tenant, !isGroup.load(ordering: .acquiring) else { return }
        do throws(QueueNameError) {
            let target = try QueueName(
                campaign: parsed.campaign, tenant: group, domain: parsed.domain, routingDomain: parsed.routingDomain)
            let queue = shard.queue(named: target.text)
            // One hop only: a group keeps what it gets, whatever the policy says for it. When two queues name each other at the same
            // time, both find the mark and both keep their messages.
            queue.isGroup.store(true, ordering: .sequentiallyConsistent)
            if !isGroup.load(ordering: .sequentiallyConsistent) { redirect = queue }
        } catch {
            Log.error("queue_name is no name for a queue", ["queue": name, "error": "\(error)"])
        }
    }

    private func drainIntoRedirect() {
        guard let redirect else { return }
        while let entry = heap.popFirst() {
            services.metrics.scheduledCount.add(-1)
            if let message = residents.removeValue(forKey: entry.handle) {
                message.queue = redirect
                redirect.shard.postLater(
                    .run {
                        redirect.keep(message, due: entry.due)
                        redirect.pump()
                    })
            } else {
                let created = Int64(entry.created) * 1_000_000_000
                redirect.shard.postLater(
                    .run {
                        redirect.recover(handle: SpoolHandle(raw: entry.handle), due: entry.due * 1_000_000, created: created)
                    })
            }
        }
        becameIdle()
    }

    private func currentRoute(now: Int64) -> MailRoute? {
        let monotonic = Clock.monotonic()
        if let route, route.expires > monotonic { return route }
        if let list = setup?.config.mxRoute {
            route = list
            return list
        }
        if let routeFailure, routeFailure.until > monotonic {
            failDue(routeFailure.failure, now: now)
            return nil
        }
        if let cached = services.router.cachedRoute(routingDomain, now: monotonic) {
            route = cached
            return cached
        }
        resolve()
        return nil
    }

    private func resolve() {
        guard !isResolving else { return }
        isResolving = true
        block = .resolving(domain: routingDomain)
        let domain = routingDomain
        Task { [router = services.router, shard] in
            let result = await router.route(domain)
            shard.post(.run { [self] in resolved(result) })
        }
    }

    private func resolved(_ result: Result<MailRoute, RouteFailure>) {
        isResolving = false
        switch result {
        case .success(let fresh):
            route = fresh
            routeFailure = nil
        case .failure(let failure):
            route = nil
            routeFailure = (failure, Clock.monotonic() + 30_000_000_000)
        }
        pump()
    }

    /// The domain has no route: every due message gets the outcome, a batch at a time.
    private func failDue(_ failure: RouteFailure, now: Int64) {
        let outcome = failure.outcome(queue: name)
        block = .route(outcome.reply.oneLine)
        var budget = Self.pumpBatch
        while let first = heap.first, first.due <= now / 1_000_000 {
            guard budget > 0, out < 1024 else { return shard.timers.schedule(self, at: now / 1_000_000 + 20) }
            budget -= 1
            _ = heap.popFirst()
            services.metrics.scheduledCount.add(-1)
            out += 1
            let finish: (QueuedMessage?) -> Void = { [self] message in
                guard let message else {
                    out -= 1
                    return
                }
                settle(message, .everyone(message, outcome.fate, outcome.reply))
            }
            if let message = residents.removeValue(forKey: first.handle) { finish(message) } else { load(first, completion: finish) }
        }
        scheduleNext(now: now)
    }

    // MARK: Expiry and idleness

    /// The `max_age` in nanoseconds, once the policy has been read.
    var maximumAge: Int64? { (setup?.config.maxAge ?? QueueConfig.defaults.maxAge).wholeNanoseconds }

    /// Expires what has waited too long, due or not. A scan is O(queued) and runs at most every ten seconds, and only when the oldest
    /// message is known to be over age.
    private func expireWaiting(now: Int64) {
        guard let maximumAge, now >= nextExpiryScan, !heap.isEmpty else { return }
        guard let oldest = heap.oldestCreated else { return }
        let limit = UInt32(clamping: (now - maximumAge) / 1_000_000_000)
        nextExpiryScan = now + 10_000_000_000
        guard oldest < limit else {
            nextExpiryScan = max(nextExpiryScan, Int64(oldest) * 1_000_000_000 + maximumAge)
            return
        }
        let expired = heap.removeCreated(before: limit, atMost: Self.pumpBatch)
        if expired.count == Self.pumpBatch {  // more of them: go on soon, whatever else wakes the queue
            nextExpiryScan = now + 100_000_000
            shard.timers.schedule(self, at: now / 1_000_000 + 100)
        }
        for entry in expired {
            services.metrics.scheduledCount.add(-1)
            out += 1
            let finish: (QueuedMessage?) -> Void = { [self] message in
                out -= 1
                if let message { expire(message, reply: .expired(age: maximumAge)) }
            }
            if let message = residents.removeValue(forKey: entry.handle) { finish(message) } else { load(entry, completion: finish) }
        }
    }

    private func reapIfIdle(now: Int64) {
        guard out == 0, heap.isEmpty, sweep == nil, let setup else { return }
        let idle = setup.config.reapInterval.wholeNanoseconds
        if now - lastUse >= idle {
            retired.store(true, ordering: .releasing)
            services.queues.remove(self)
        } else {
            shard.timers.schedule(self, at: (lastUse + idle) / 1_000_000 + 1)
        }
    }

    /// An idle queue asks to be woken once, to be reaped.
    func becameIdle() {
        if heap.isEmpty, out == 0 { reapIfIdle(now: Clock.wall()) }
    }
}
