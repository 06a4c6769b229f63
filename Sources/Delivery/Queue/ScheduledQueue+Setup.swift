import Platform
import Shaping
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
        if !heap.isEmpty { postLater(.pump) }
    }

    private func loadSetup() {
        guard !isLoadingSetup, services.clocks.now >= setupRetryAt else { return }
        isLoadingSetup = true
        let asked = policies
        if setup == nil { block = .policy("waiting for get_queue_config") }
        QueueSetupLoader(engine: ground.engine, limits: services.limits, clocks: services.clocks).load(gate.parsed, queueText: name) {
            [self] result in
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
                if !isOutdated { timers.schedule(self, at: now + .seconds(15)) }
                if setup == nil, !isOutdated { return }
            }
            postLater(.pump)
        }
    }
}
