import CLuaShim
import Options
import Shaping

/// *value*: the time limits in the form that C takes.
struct RunningTimes {
    private let running: Int64
    private let loading: Int64
    private let slice: Int64
    private let hold: Int64

    init(_ limits: PolicyLimits) {
        running = max(1, DurationText.nanoseconds(limits.runningTime))
        loading = max(1, DurationText.nanoseconds(limits.loadingTime))
        slice = max(0, DurationText.nanoseconds(limits.slice))
        hold = max(1, DurationText.nanoseconds(limits.holdTime))
    }

    /// The limits of one entry into Lua. While the policy loads nothing else runs on the loop, so nothing pauses.
    func entry(_ phase: PolicyEngine.Phase, spent: Int64) -> apus_time {
        switch phase {
        case .loading, .initializing: apus_time(budget_ns: loading - spent, slice_ns: 0, hold_ns: 0)
        case .serving, .closed: apus_time(budget_ns: running - spent, slice_ns: slice, hold_ns: hold)
        }
    }
}
