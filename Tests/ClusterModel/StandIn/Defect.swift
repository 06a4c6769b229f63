/// A bug that is planted on purpose, to show that the model finds it. *Value.*
package enum Defect: String, Sendable, CaseIterable {
    /// A sender spends its slots after they have closed.
    case lateSpender = "late-spender"
    /// A node keeps connections beyond the end of its lease.
    case staleLease = "stale-lease"
    /// A node that starts again does not know that it was here before.
    case amnesia
    /// Stand-in: the script does not look whether the store is still the same.
    case blindScript = "blind-script"
    /// Stand-in: the script believes a request that was overtaken.
    case oldRequest = "old-request"
    /// Stand-in: the node takes its lease for longer than the store does.
    case longLease = "long-lease"
    /// Stand-in: tokens are good at any time after they were granted.
    case prefetch
    /// Stand-in: no pause after the store came back without data.
    case noQuiet = "no-quiet"

    /// Whether it is one of the stand-in and its script.
    package var isOfStandIn: Bool {
        switch self {
        case .lateSpender, .staleLease, .amnesia: false
        case .blindScript, .oldRequest, .longLease, .prefetch, .noQuiet: true
        }
    }
}
