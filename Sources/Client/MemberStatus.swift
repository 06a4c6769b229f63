/// *Value*: one node as `GET /api/members` shows it.
package struct MemberStatus: Sendable, Equatable {
    /// The name.
    package var node: String
    /// `host:port` of its HTTP API; empty without one.
    package var address: String
    /// The zone it said it is in.
    package var zone: String
    /// The version of the program.
    package var version: String
    /// What it says of itself: `starting`, `ready` or `draining`.
    package var state: String
    /// What the others see: `alive`, `suspect` or `gone`.
    package var status: String
    /// The spool directories it owns.
    package var spools: [String]
    /// Since when it is a member, RFC 3339.
    package var joined: String
    /// Seconds since it was heard of.
    package var lastSeen: Double
    /// Whether it is the node that answers.
    package var isSelf: Bool

    /// A member as the listing shows it.
    package init(
        node: String, address: String, zone: String, version: String, state: String, status: String, spools: [String], joined: String,
        lastSeen: Double, isSelf: Bool
    ) {
        self.node = node
        self.address = address
        self.zone = zone
        self.version = version
        self.state = state
        self.status = status
        self.spools = spools
        self.joined = joined
        self.lastSeen = lastSeen
        self.isSelf = isSelf
    }
}
