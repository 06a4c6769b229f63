/// *Value*: one limit as `GET /api/limits` shows it.
package struct LimitStatus: Sendable, Equatable {
    /// *Value*: one node's part in a limit.
    package struct Holder: Sendable, Equatable {
        /// The member.
        package var node: String
        /// What the node has: permits, or slots it may use now.
        package var has: Int
        /// What it asked for.
        package var wants: Int
        /// How long it has waited for more; 0 when it does not wait.
        package var waitsSeconds: Double

        /// The part of one member.
        package init(node: String, has: Int, wants: Int, waitsSeconds: Double) {
            self.node = node
            self.has = has
            self.wants = wants
            self.waitsSeconds = waitsSeconds
        }
    }

    /// The name under which the limit is counted.
    package var limit: String
    /// `rate` or `connections`.
    package var kind: String
    /// The limit as text: `1000/min`, or `32`.
    package var value: String
    /// Used by the whole cluster, in the running period or now; absent when it is not known.
    package var used: Int?
    /// What this node holds.
    package var held: Int
    /// What this node asked for.
    package var wants: Int
    /// Holders that wait.
    package var waiting: Int
    /// `redis`, `share`, `learning`, `floor`, `closed` or `local`.
    package var mode: String
    /// The part of the limit this node may use, 0…1.
    package var share: Double
    /// Who has what.
    package var nodes: [Holder]

    /// A limit as the listing shows it.
    package init(
        limit: String, kind: String, value: String, used: Int?, held: Int, wants: Int, waiting: Int, mode: String, share: Double,
        nodes: [Holder]
    ) {
        self.limit = limit
        self.kind = kind
        self.value = value
        self.used = used
        self.held = held
        self.wants = wants
        self.waiting = waiting
        self.mode = mode
        self.share = share
        self.nodes = nodes
    }
}
