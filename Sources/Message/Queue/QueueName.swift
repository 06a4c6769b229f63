/// The name of a scheduled queue, `campaign:tenant@domain!routing_domain`. *Value*.
///
/// Printed forms: `domain`, `tenant@domain`, `campaign:tenant@domain`, `campaign:@domain`, each optionally followed by `!routing_domain`.
/// The text always reads back to the same value. It is split at the last `@`, then left of it at the first `:`, right of it at the first
/// `!`; so a tenant may hold any separator (one with `:` and no campaign prints as `:te:nant@domain`), a campaign all but `:`, a
/// domain all but `@` and `!` (`http://10.0.0.1:8000.xfer…` and `[IPv6:::1]` are fine). Other names are refused rather than escaped: an escaped name would not
/// match what the operator typed. Components are kept as given; callers lower-case mail domains first (`EnvelopeAddress.normalizedDomain`).
package struct QueueName: Sendable, Hashable {
    /// Bytes allowed in one component.
    package static let componentLimit = 512

    /// nil if there is none.
    package let campaign: String?
    /// nil if there is none.
    package let tenant: String?
    /// The destination, never empty.
    package let domain: String
    /// Where mail for `domain` is sent instead; nil if there is none.
    package let routingDomain: String?

    /// A name from its components; empty optional components count as absent.
    package init(campaign: String? = nil, tenant: String? = nil, domain: String, routingDomain: String? = nil) throws(QueueNameError) {
        try Self.check(campaign, as: "campaign", forbidden: [Byte.colon])
        try Self.check(tenant, as: "tenant", forbidden: [])
        try Self.check(domain, as: "domain", forbidden: [Byte.at, 0x21])
        try Self.check(routingDomain, as: "routing_domain", forbidden: [Byte.at, 0x21])
        guard !domain.isEmpty else { throw QueueNameError(code: .emptyDomain, component: "domain") }
        self.campaign = campaign.flatMap { $0.isEmpty ? nil : $0 }
        self.tenant = tenant.flatMap { $0.isEmpty ? nil : $0 }
        self.domain = domain
        self.routingDomain = routingDomain.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The queue of a recipient: its normalised domain with the message's campaign, tenant and routing domain.
    package init(campaign: String?, tenant: String?, recipient: EnvelopeAddress, routingDomain: String?) throws(QueueNameError) {
        try self.init(campaign: campaign, tenant: tenant, domain: recipient.normalizedDomain, routingDomain: routingDomain)
    }

    /// Reads any of the printed forms.
    package init(parsing text: String) throws(QueueNameError) {
        let utf8 = text.utf8
        var campaign: String?
        var tenant: String?
        var rest = utf8[...]
        if let at = utf8.lastIndex(of: Byte.at) {
            let owner = utf8[..<at]
            rest = utf8[utf8.index(after: at)...]
            if let colon = owner.firstIndex(of: Byte.colon) {
                campaign = String(Substring(owner[..<colon]))
                tenant = String(Substring(owner[owner.index(after: colon)...]))
            } else {
                tenant = String(Substring(owner))
            }
        }
        var routingDomain: String?
        if let mark = rest.firstIndex(of: 0x21) {
            routingDomain = String(Substring(rest[rest.index(after: mark)...]))
            rest = rest[..<mark]
        }
        try self.init(campaign: campaign, tenant: tenant, domain: String(Substring(rest)), routingDomain: routingDomain)
    }

    /// The shortest printed form.
    package var text: String {
        var text = ""
        if campaign != nil || tenant?.utf8.contains(Byte.colon) == true {
            text += campaign ?? ""
            text += ":"
        }
        text += tenant ?? ""
        if !text.isEmpty { text += "@" }
        text += domain
        if let routingDomain {
            text += "!"
            text += routingDomain
        }
        return text
    }

    private static func check(_ value: String?, as component: String, forbidden: [UInt8]) throws(QueueNameError) {
        guard let value else { return }
        guard value.utf8.count <= componentLimit else { throw QueueNameError(code: .tooLong, component: component) }
        guard value.firstControlOffset == nil else { throw QueueNameError(code: .controlCharacter, component: component) }
        guard !value.utf8.contains(where: forbidden.contains) else { throw QueueNameError(code: .separator, component: component) }
    }
}

extension QueueName: CustomStringConvertible {
    package var description: String { text }
}
