/// *Value*: one suspension, bounce or rebind as the admin API lists it.
package struct RuleStatus: Sendable, Equatable {
    /// The id of the rule.
    package var id: String
    /// Why it was issued.
    package var reason: String
    /// Who asked for it, and from where.
    package var issuer: String
    /// When, RFC 3339.
    package var created: String
    /// What is left of it, such as `4m59s`; absent when it holds until it is removed.
    package var duration: String?
    /// When it ends, RFC 3339.
    package var expires: String?
    /// The domain it is about.
    package var domain: String?
    /// The routing domain it is about.
    package var routingDomain: String?
    /// The tenant it is about.
    package var tenant: String?
    /// The campaign it is about.
    package var campaign: String?
    /// The queues it is about.
    package var queueNames: [String]?
    /// The egress path, of a suspension of one.
    package var name: String?
    /// Whether it is about all queues.
    package var everything: Bool?
    /// The only node that it is for.
    package var node: String?
    /// Messages bounced on this node, by queue.
    package var bounced: [String: Int]?
    /// Messages it has ended.
    package var totalBounced: Int?

    /// A rule as the listing shows it.
    package init(id: String, reason: String, issuer: String, created: String) {
        self.id = id
        self.reason = reason
        self.issuer = issuer
        self.created = created
    }

    /// What the rule is about, for people.
    package var scope: String {
        var parts: [String] = []
        if everything == true { parts.append("everything") }
        if let name { parts.append("path \(name)") }
        for (label, value) in [("domain", domain), ("routing domain", routingDomain), ("tenant", tenant), ("campaign", campaign)] {
            if let value { parts.append("\(label) \(value)") }
        }
        if let queueNames, !queueNames.isEmpty { parts.append("queue \(queueNames.joined(separator: ", "))") }
        if let node { parts.append("on node \(node)") }
        return parts.joined(separator: ", ")
    }
}

/// *Value*: the answer to a bounce, and to the question what it would bounce.
package struct BounceCount: Sendable, Equatable {
    /// The rule; absent in a dry run.
    package var id: String?
    /// Messages by queue, on the node that answers.
    package var bounced: [String: Int]
    /// How many messages it has bounced.
    package var totalBounced: Int

    /// Counts by queue.
    package init(id: String?, bounced: [String: Int], totalBounced: Int) {
        self.id = id
        self.bounced = bounced
        self.totalBounced = totalBounced
    }
}

/// *Value*: the answer that names a new rule.
package struct RuleID: Sendable, Equatable {
    /// The id of the rule.
    package var id: String
    /// The rule of that id.
    package init(id: String) { self.id = id }
}
