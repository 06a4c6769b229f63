package import Shaping

/// *Value*: the rate of a message's queue on its way with the message: it is taken where MAIL is written, not where the message left its
/// queue. Connections are opened in between, and what was taken long ago would meet the messages of the next period at the peer.
package struct QueueRate: Sendable {
    /// The queue's own limiter; a copy is the same.
    package var limiter: RateLimiter
    package let gate: RateGate
    /// A permit was taken for this message, and MAIL was or is about to be sent.
    var isTaken = false
}

extension QueuedMessage {
    /// Takes a permit of the queue's rate, if it has one. When false the message has to go back to its queue.
    func takeRate() -> Bool {
        // Further transactions of a message that was counted are no further messages.
        guard rate != nil, results.isEmpty, rate?.isTaken == false else { return true }
        switch rate?.limiter.take(1, now: Clock.monotonic()) {
        case .wait(let until)?:
            rate?.gate.refused(until: until)
            rate = nil
            return false
        case .granted?, nil:
            rate?.isTaken = true
            if rate?.gate.granted() == true { queue.shard.postLater(.pump(queue)) }
            return true
        }
    }

    /// Puts back what `takeRate` has just taken: the message is not sent now.
    func giveRate() {
        guard rate?.isTaken == true, results.isEmpty else { return }
        rate?.limiter.give(1, now: Clock.monotonic())
        returnRate()
    }

    /// The message will be sent again, and counts again.
    func returnRate() {
        guard rate?.isTaken == true, results.isEmpty else { return }
        rate?.isTaken = false
        rate?.gate.takeBack()
    }

    /// The message is back in its queue.
    /// - Returns: whether others of the queue may follow now.
    func endRate() -> Bool {
        defer { rate = nil }
        guard let rate, !rate.isTaken else { return false }
        return rate.gate.returned()
    }
}
