package import Platform

/// The addresses of a host, or why there are none, and how long that holds. *Value.*
package struct AddressAnswer: Sendable, Hashable {
    /// The addresses, or why there are none.
    package var result: Result<[HostAddress], RouteFailure>
    /// Until then at least the same answer is given without asking the DNS.
    package var expires: MonotonicInstant
    /// The DNS was not asked for any part of it: an attempt that gets such a failure has attempted nothing.
    package var isRemembered: Bool

    /// An answer that holds until then.
    package init(_ result: Result<[HostAddress], RouteFailure>, expires: MonotonicInstant, isRemembered: Bool = false) {
        self.result = result
        self.expires = expires
        self.isRemembered = isRemembered
    }

    /// When a failure that was only remembered ends; `nil` for all others.
    package var rememberedFailureEnd: MonotonicInstant? {
        guard isRemembered, case .failure = result else { return nil }
        return expires
    }
}
