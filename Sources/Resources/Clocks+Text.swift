import Message
package import Platform

// Times as people read them.
extension Clocks {
    /// The wall time of a moment, to the second (RFC 3339).
    package func text(of instant: MonotonicInstant) -> String {
        MessageDate.rfc3339(unixNanoseconds: wallTime(of: instant).unixNanoseconds / 1_000_000_000 * 1_000_000_000)
    }

    /// `at 2026-01-31T12:00:00Z, in 3 h`; `now` when it is not in the future.
    package func moment(_ instant: MonotonicInstant) -> String {
        if instant == .distantFuture { return "never" }
        let left = Double(instant.nanoseconds(since: now)) / 1e9
        return left <= 0 ? "now" : "at \(text(of: instant)), in \(Self.age(left.rounded(.up)))"
    }

    /// Seconds as people say them.
    package static func age(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e12))
        return switch whole {
        case ..<120: "\(whole) s"
        case ..<7200: "\(whole / 60) min"
        case ..<172_800: "\(whole / 3600) h"
        default: "\(whole / 86_400) days"
        }
    }
}
