/// What a root answers to a request for permits. *Value.*
package enum PermitLease: Sendable, Equatable {
    /// So many permits, until they are returned.
    case permits(Int)
    /// None is free; try again, but not before that monotonic time.
    case retry(atNanoseconds: Int64)
}
