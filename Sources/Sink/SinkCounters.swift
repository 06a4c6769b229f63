import Synchronization

/// What a sink has seen so far.
///
/// *Value.*
package struct SinkCounters: Sendable, Equatable {
    /// Connections accepted.
    package var connections = 0
    /// Messages answered with 250.
    package var messages = 0
    /// Their recipients.
    package var recipients = 0
    /// Bytes of their content as they came over the wire, without the final dot.
    package var bytes = 0
    /// Replies of 4xx and 5xx, whatever the reason.
    package var refusals = 0
    /// Connections open now.
    package var open = 0
}

/// *Shared.* The counters all sessions add to; each is correct, a snapshot is not one instant.
final class SinkTally: Sendable {
    let connections = Atomic<Int>(0)
    let messages = Atomic<Int>(0)
    let recipients = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    let refusals = Atomic<Int>(0)
    let open = Atomic<Int>(0)

    /// The values now.
    var snapshot: SinkCounters {
        SinkCounters(
            connections: connections.load(ordering: .relaxed), messages: messages.load(ordering: .relaxed),
            recipients: recipients.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed),
            refusals: refusals.load(ordering: .relaxed), open: open.load(ordering: .relaxed))
    }
}
