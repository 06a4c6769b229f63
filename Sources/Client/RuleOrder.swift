/// *Value*: what a rule is about and how long it lasts, as a command asks for it.
package struct RuleOrder: Sendable {
    package var reason: String
    package var domain: String?
    package var routingDomain: String?
    package var tenant: String?
    package var campaign: String?
    package var queueNames: [String]?
    package var everything: Bool?
    /// The egress path, to suspend one.
    package var name: String?
    package var duration: String?
    package var node: String?
    package var suppressLogging: Bool?
    package var alwaysFlush: Bool?
    /// What a rebind sets; `nil` removes an entry.
    package var data: [String: String?]?

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
