import Message
import Shaping
import Spool
import Synchronization
import System
import Telemetry

// What the policy says of a queue. Runs on the queue's loop.
extension ScheduledQueue {
    func needsRefresh(_ setup: QueueSetup) -> Bool { setupIsStale || lastUse >= setup.refreshAt }

    func currentSetup(now: MonotonicInstant) -> QueueSetup? {
        if let setup, !setupIsStale, now < setup.refreshAt { return setup }
        loadSetup()
        return setup
    }

    /// There is another policy: asks it at once.
    func policyChanged() {
        setupRetryAt = .distantPast
        policies += 1
        if !heap.isEmpty { shard.postLater(.pump(self)) }
    }

    private func loadSetup() {
        guard !isLoadingSetup, services.clocks.now >= setupRetryAt else { return }
        isLoadingSetup = true
        let asked = policies
        if setup == nil { block = .policy("waiting for get_queue_config") }
        QueueSetupLoader(engine: shard.engine, shard: shard).load(parsed, queueText: name) { [self] result in
            isLoadingSetup = false
            switch result {
            case .success(let fresh):
                setupPolicy = asked
                if let old = setup {
                    fresh.gate = old.gate
                    if old.config.maxMessageRate == fresh.config.maxMessageRate { fresh.limiter = old.limiter } else { fresh.gate.forget() }
                }
                if setup?.config.maxAge != fresh.config.maxAge { nextExpiryScan = .distantPast }
                if let old = setup, old.config.mxRoute != fresh.config.mxRoute {  // a static route never ends by itself
                    route = nil
                    routeFailure = nil
                }
                setup = fresh
                setupFailure = nil
                checkWaits(fresh.schedule)
                redirectIfGrouped(fresh)
            case .failure(let failure):
                Log.error("policy failed for a queue", ["queue": name, "error": failure.message])
                block = .policy(failure.message)
                setupFailure = failure.message
                let now = services.clocks.now
                // A policy that came meanwhile is asked at once.
                let isOutdated = asked != policies
                setupRetryAt = isOutdated ? .distantPast : now + .seconds(14)
                if !isOutdated { shard.timers.schedule(self, at: now + .seconds(15)) }
                if setup == nil, !isOutdated { return }
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

    func drainIntoRedirect() {
        guard let redirect else { return }
        while let entry = heap.popFirst() {
            services.metrics.scheduledCount.add(-1)
            if let message = residents.removeValue(forKey: entry.handle) {
                message.queue = redirect
                redirect.shard.postLater(.run { redirect.adopt(message, due: entry.due) })
            } else {
                redirect.shard.postLater(.run { redirect.adopt(entry, isChecked: true) })
            }
        }
        becameIdle()
    }
}
