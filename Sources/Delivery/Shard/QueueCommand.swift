package import Cluster
package import DNS
package import Platform
package import Shaping
package import Spool

/// *Value*: what other parts of the node may ask of a scheduled queue.
package enum QueueCommand: Sendable {
    /// Takes a message that was just made durable; due now.
    case accept(QueuedMessage)
    /// Takes a message that a rebind or a redirection moved here; it is due when it was.
    case adopt(QueuedMessage, due: MonotonicInstant)
    /// Takes the entry of a message whose content is on disk; see `ScheduledQueue.adopt`.
    case adoptEntry(DueEntry, isChecked: Bool, from: GroupOrigin?)
    /// Takes messages that recovery found.
    case recover([RecoveredMessage])
    /// Takes a message back with the outcome of its attempt.
    case settle(QueuedMessage, AttemptOutcome)
    /// Moves what is due to its egress path.
    case pump
    /// The DNS has answered, or the router remembered.
    case resolved(RouteAnswer)
    /// The spool has read a message back, or could not.
    case readBack(SpoolHandle, Result<SpoolMessage, SpoolError>)
    /// A sweep goes on.
    case sweep
    /// A sweep waits for the spool again.
    case awaitBarrier
    /// A slot of `SweepSlots` is free.
    case sweepSlotFree
    /// A rule about the queue came, changed or went.
    case rulesChanged
    /// Rules of that scope changed, maybe about queues whose messages are here.
    case originsChanged(ControlScope)
    /// Begins a rebind of what is here.
    case rebind(Rebind)
}
