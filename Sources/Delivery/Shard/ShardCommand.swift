package import Spool

/// *Value*: what any loop or thread may ask of a shard. Queues and paths are named by their gates; the shard knows which is which.
package enum ShardCommand: Sendable {
    case queue(QueueGate, QueueCommand)
    case path(PathGate, PathCommand)
    /// The same for many queues of the shard, a few per turn of its loop.
    case each(ArraySlice<QueueGate>, QueueCommand)
    /// The spool has made drafts durable, or refused them.
    case committed([SpoolCompletion])
    /// The time that `QueueTimers` waits for has come.
    case timersDue
    /// Outcomes wait for their `delivery_complete` handler.
    case reportOutcomes
    /// A path asks the policy for its configuration.
    case configure(PathGate)
    /// The queue was given up.
    case forgetQueue(QueueGate)
    /// The path was given up.
    case forgetPath(PathGate)
    /// A Lua state that was replaced may be free by now.
    case retireEngines
}
