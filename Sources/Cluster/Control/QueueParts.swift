/// What a scheduled queue is called and what its name is made of, as far as scopes ask. *Value.*
package struct QueueParts: Sendable, Hashable {
    /// The whole name.
    package var name: String
    /// The campaign in the name.
    package var campaign: String?
    /// The tenant in the name.
    package var tenant: String?
    /// The domain in the name, in small letters.
    package var domain: String
    /// The routing domain in the name, in small letters.
    package var routingDomain: String?

    /// The parts of one queue.
    package init(name: String, campaign: String? = nil, tenant: String? = nil, domain: String, routingDomain: String? = nil) {
        self.name = name
        self.campaign = campaign
        self.tenant = tenant
        self.domain = domain
        self.routingDomain = routingDomain
    }
}
