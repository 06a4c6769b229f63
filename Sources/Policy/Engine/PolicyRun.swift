import Options
import Shaping

/// *value*: one call of an event on its way through the handlers.
struct PolicyRun {
    let event: PolicyEvent
    let arguments: [PolicyValue]
    let completion: (Result<ConfigValue, PolicyError>) -> Void
    /// Which of the event's handlers is running.
    var handler = 0
    /// Handles given to Lua; taken back when the handler ends.
    var handles: [UInt64] = []
    /// The suspended coroutine.
    var slot: Int32 = -1
    /// Nanoseconds of running time so far.
    var spent: Int64 = 0
}
