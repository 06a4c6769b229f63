import Options
import Platform
import Resources
import Shaping
import Telemetry

// The ends of things: of messages that are too old, and of a queue nobody uses. Runs on the queue's loop.
extension ScheduledQueue {
    /// The `max_age`, of the defaults until the policy has been read.
    var maximumAge: Duration { setup?.config.maxAge ?? QueueConfig.defaults.maxAge }

    /// When the message has outlived the queue's `max_age`, or the time it was given itself. Counted from its reception by the steady
    /// clock: a clock that is set ends no message.
    func expiry(of message: MessageEnvelope) -> MonotonicInstant { message.received + (message.ownLife ?? maximumAge) }

    /// Expires what has waited too long, due or not. A scan is O(queued) and runs at most every ten seconds, and only when the oldest
    /// message is known to be over age.
    ///
    /// Not before the policy has said how old messages may become: after a restart the default could be less than they were promised.
    func expireWaiting(now: MonotonicInstant) {
        guard setup != nil, now >= nextExpiryScan, let oldest = heap.oldest else { return }
        let age = maximumAge
        let limit = now - age
        nextExpiryScan = now + .seconds(10)
        guard oldest < limit else {
            nextExpiryScan = max(nextExpiryScan, oldest + age)
            return
        }
        let expired = heap.removeReceived(before: limit, atMost: Self.pumpBatch)
        if expired.count == Self.pumpBatch {  // more of them: go on soon, whatever else wakes the queue
            nextExpiryScan = now + .milliseconds(100)
            timers.schedule(self, at: nextExpiryScan)
        }
        for entry in expired {
            services.metrics.scheduledCount.add(-1)
            out += 1
            let finish: (QueuedMessage?) -> Void = { [self] message in
                out -= 1
                if let message { expire(message, reply: .expired(age: age)) }
            }
            if let message = residents.removeValue(forKey: entry.handle) { finish(message) } else { load(entry, completion: finish) }
        }
    }

    func reapIfIdle(now: MonotonicInstant) {
        guard out == 0, heap.isEmpty, sweep == nil, let setup else { return }
        let end = lastUse + setup.config.reapInterval
        guard now >= end else { return timers.schedule(self, at: end) }
        gate.retire()
        services.queues.remove(gate)
        ground.address.post(.forgetQueue(gate))
    }

    /// An idle queue asks to be woken once, to be reaped.
    func becameIdle() {
        if heap.isEmpty, out == 0 { reapIfIdle(now: services.clocks.now) }
    }
}
