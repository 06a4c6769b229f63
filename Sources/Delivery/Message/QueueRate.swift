package import Shaping

/// *Value*: the rate of a message's queue on its way with an `Attempt`, which takes it where MAIL is written.
package struct QueueRate: Sendable {
    /// The queue's own limiter; a copy is the same.
    package var limiter: RateLimiter
    /// Hears whether the rate let the message go.
    package let gate: RateGate
    /// A slot was taken for this message, and MAIL was or is about to be sent.
    var isTaken = false
}
