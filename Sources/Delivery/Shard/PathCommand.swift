package import DNS
package import Options
package import Shaping

/// *Value*: what other parts of the node may ask of an egress path.
package enum PathCommand: Sendable {
    /// Takes a message for which a place was reserved.
    case offer(Attempt)
    /// Moves ready messages to connections.
    case serve
    /// The time that the path waited for has come.
    case tick
    /// Looks at the leases of the connections.
    case checkLeases
    /// The route was looked up again.
    case newRoute(MailRoute)
    /// The policy has answered `get_egress_path_config`.
    case configured(Result<Held<EgressPathConfig>?, PolicyFailure>)
    /// There is another policy.
    case policyChanged
    /// Rules changed.
    case obeyRules
    /// A slot of `EgressSlots` is kept for the path.
    case slotGranted
    /// Another path needs the room of connections that do nothing.
    case quitIdle
    /// The node stops: idle connections quit, busy ones finish their transaction.
    case stop
    /// The time of busy connections is over.
    case abort
    /// The node has stopped: what is leased goes back.
    case releaseLimits
}
