/// *Value*: what a rule is about and how long it lasts, as a command asks for it.
package struct RuleOrder: Sendable {
    /// Why; recorded and shown.
    package var reason: String
    /// Queues of this domain.
    package var domain: String?
    /// Queues with this routing domain.
    package var routingDomain: String?
    /// Queues of this tenant.
    package var tenant: String?
    /// Queues of this campaign.
    package var campaign: String?
    /// Queues by name.
    package var queueNames: [String]?
    /// All queues.
    package var everything: Bool?
    /// The egress path, to suspend one.
    package var name: String?
    /// How long, such as `30m`.
    package var duration: String?
    /// Only on this node.
    package var node: String?
    /// Write no records.
    package var suppressLogging: Bool?
    /// Make the messages due now.
    package var alwaysFlush: Bool?
    /// What a rebind sets; `nil` removes an entry.
    package var data: [String: String?]?

    /// An order without a scope yet.
    package init(reason: String) { self.reason = reason }

    /// The criteria as a query.
    var query: [(key: String, value: String)] {
        var items: [(key: String, value: String)] = []
        for (key, value) in [("domain", domain), ("routing_domain", routingDomain), ("tenant", tenant), ("campaign", campaign)] {
            if let value { items.append((key, value)) }
        }
        for queue in queueNames ?? [] { items.append(("queue_names", queue)) }
        if everything == true { items.append(("everything", "true")) }
        return items
    }
}
