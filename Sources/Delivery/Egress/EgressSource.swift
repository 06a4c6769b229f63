package import Shaping

/// *Value*: an egress source as a pool names it, with what the policy says of it.
package struct EgressSource: Sendable {
    package let name: String
    package let config: EgressSourceConfig

    package init(name: String, config: EgressSourceConfig) {
        self.name = name
        self.config = config
    }
}
