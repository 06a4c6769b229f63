import DNS
import Platform
import Resources
import SMTP
import Shaping
import Telemetry

// Where the messages of a queue go, and what happens while nobody knows. Runs on the queue's loop.
extension ScheduledQueue {
    /// The route, if it is known; else the question is put, or its last answer waited out.
    func currentRoute(now: MonotonicInstant) -> MailRoute? {
        if let route, routeFreshUntil > now || route.expires > now {
            routeFreshUntil = .distantPast
            return route
        }
        if let list = setup?.config.mxRoute {
            route = list
            return list
        }
        if let routeFailure, routeFailure.until > now {
            failDue(routeFailure, now: now)
            return nil
        }
        if let cached = services.router.cachedRoute(gate.routingDomain, now: now) {
            route = cached
            return cached
        }
        resolve()
        return nil
    }

    private func resolve() {
        guard !isResolving else { return }
        isResolving = true
        block = .resolving(domain: gate.routingDomain)
        Task { [gate, services] in
            let answer = await services.router.answer(gate.routingDomain)
            services.post(gate, .resolved(answer))
        }
    }

    /// The DNS has answered, or the router remembered.
    func resolved(_ answer: RouteAnswer) {
        isResolving = false
        switch answer.result {
        case .success(let fresh):
            route = fresh
            // Used once whatever its time to live is: a route that has ended when it comes must not be asked for without end.
            routeFreshUntil = services.clocks.now + .seconds(10)
            routeFailure = nil
        case .failure(let failure):
            route = nil
            routeFailure = KnownFailure(failure, answer, now: services.clocks.now)
        }
        pump()
    }

    /// The domain has no route. What was due when the DNS was asked gets the outcome, a batch at a time. What became due later waits, and
    /// the DNS is asked again when its answer has ended: only then an attempt is made. A failure that is final needs no second question.
    private func failDue(_ known: KnownFailure, now: MonotonicInstant) {
        let outcome = known.failure.outcome(queue: name)
        let isFinal = outcome.fate == .bounced
        block = .route(outcome.reply.oneLine, until: isFinal ? nil : known.until)
        var budget = Self.pumpBatch
        while let first = heap.first, first.due <= (isFinal ? now : min(now, known.asked)) {
            guard budget > 0, out < 1024 else { return timers.schedule(self, at: now + .milliseconds(20)) }
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
        if !heap.isEmpty { timers.schedule(self, at: known.until) }
    }
}
