/// What a root answers to a request for slots. *Value.*
package enum RateLease: Sendable, Equatable {
    /// Slots for the asker alone. A request for what one take needs is granted whole or not at all.
    case slots(RateSlots)
    /// Nothing now; asking before that monotonic time is useless.
    case retry(atNanoseconds: Int64)
}
