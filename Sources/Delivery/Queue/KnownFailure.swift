import DNS
import Platform

/// *Value*: why a domain has no route, and until when asking again would bring the same answer.
struct KnownFailure {
    let failure: RouteFailure
    /// The DNS is asked again then.
    let until: MonotonicInstant
    /// When the DNS was asked: messages that were due by then have had their attempt with this answer. `.distantPast` when the answer was
    /// remembered from earlier questions: nothing was attempted.
    let asked: MonotonicInstant

    /// However short an answer holds, it is not asked for more often than this.
    private static let shortest = Duration.seconds(1)

    init(_ failure: RouteFailure, _ answer: RouteAnswer, now: MonotonicInstant) {
        self.failure = failure
        until = max(answer.expires, now + Self.shortest)
        asked = answer.isRemembered ? .distantPast : now
    }
}
