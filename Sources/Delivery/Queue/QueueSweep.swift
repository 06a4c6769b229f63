import Shaping

/// *Loop-confined*: messages taken out of a queue's heap to be looked at one by one, because a rule bounces or rebinds them.
struct QueueSweep {
    /// What is still to be looked at, in no order.
    var pending: [DueEntry]
    /// Messages that are being read back.
    var reading = 0
    /// Barriers of the spool that are not answered: until then a message may be read back as it was before its last attempt.
    var barriers = 0
    /// The sweep is on its way to its next turn.
    var isScheduled = false
    /// Messages go back to the queues they came from, because a rule bounces those.
    var isForOrigins = false
}
