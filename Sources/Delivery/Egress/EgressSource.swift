package import Shaping

/// *Value*: an egress source as a pool names it, with what the policy says of it.
package struct EgressSource: Sendable {
    /// The name in the pool.
    package let name: String
    /// What `get_egress_source` said.
    package let config: EgressSourceConfig

    /// A source under its name.
    package init(name: String, config: EgressSourceConfig) {
        self.name = name
        self.config = config
    }
}
