package import Platform

/// A route, or why there is none, and how long that holds. *Value.*
package struct RouteAnswer: Sendable, Hashable {
    /// The route, or why there is none.
    package var result: Result<MailRoute, RouteFailure>
    /// Until then the same answer is given without asking the DNS.
    package var expires: MonotonicInstant
    /// The DNS was not asked for this answer: it was remembered, or the question could not be put at all. An attempt that gets such a
    /// failure has attempted nothing.
    package var isRemembered: Bool

    /// An answer that holds until then.
    package init(_ result: Result<MailRoute, RouteFailure>, expires: MonotonicInstant, isRemembered: Bool = false) {
        self.result = result
        self.expires = expires
        self.isRemembered = isRemembered
    }

    /// The same answer as those hear it who come later.
    var remembered: RouteAnswer {
        var copy = self
        copy.isRemembered = true
        return copy
    }
}
