/// The answer of a limiter. *Value.*
package enum LimitDecision: Sendable, Equatable {
    /// It may be done now; it counts as done unless it is given back.
    case granted
    /// Not now: ask again at that monotonic time. Nothing is reserved by name, so the next answer may be to wait again.
    case wait(untilNanoseconds: Int64)
}
