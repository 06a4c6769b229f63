/// The name of a scheduled queue, `campaign:tenant@domain!routing_domain`. *Value*.
///
/// Printed forms: `domain`, `tenant@domain`, `campaign:tenant@domain`, `campaign:@domain`, each optionally followed by `!routing_domain`.
/// The text always reads back to the same value. It is split at the last `@`, then left of it at the first `:`, right of it at the first
/// `!`; so a tenant may hold any separator (one with `:` and no campaign prints as `:te:nant@domain`), a campaign all but `:`, a
/// domain all but `@` and `!` (`http://10.0.0.1:8000.xfer…` and `[IPv6:::1]` are fine).
///
/// A name that cannot be written like that is written with quotes and ends with `!!`: `"spring:2026":acme@example.net!!`. Quotes without
/// a mark would change the meaning of names that are valid without them, and no plain name ends with `!!` (`QueueName+Quoted`).
/// Control characters are refused. Components are kept as given; callers lower-case mail domains first (`EnvelopeAddress.normalizedDomain`).
package struct QueueName: Sendable, Hashable {
    /// Bytes allowed in one component.
    package static let componentLimit = 512
    /// Bytes of the longest text of a name: four quoted components in which every byte is escaped, and the separators.
    package static let textLimit = 4 * (2 * componentLimit + 2) + 5

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
        try Self.check(campaign, as: "campaign")
        try Self.check(tenant, as: "tenant")
        try Self.check(domain, as: "domain")
        try Self.check(routingDomain, as: "routing_domain")
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
        guard text.utf8.count <= Self.textLimit else { throw QueueNameError(code: .tooLong, component: QueueNameError.wholeName) }
        if Self.isQuoted(text) {
            self = try Self(quoted: text)
            return
        }
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
        if let mark = rest.firstIndex(of: Byte.bang) {
            let routing = rest[rest.index(after: mark)...]
            guard !routing.contains(Byte.bang) else { throw QueueNameError(code: .quoting, component: "routing_domain") }
            routingDomain = String(Substring(routing))
            rest = rest[..<mark]
        }
        try self.init(campaign: campaign, tenant: tenant, domain: String(Substring(rest)), routingDomain: routingDomain)
    }

    /// The shortest printed form.
    package var text: String {
        if needsQuotes { return quotedText }
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

    /// The printed form of the name that `text` means; `text` itself when it is not a name.
    package static func canonical(_ text: String) -> String {
        (try? QueueName(parsing: text))?.text ?? text
    }

    /// Whether the plain form would read back as something else.
    private var needsQuotes: Bool {
        func isSeparator(_ byte: UInt8) -> Bool { byte == Byte.at || byte == Byte.bang }
        return campaign?.utf8.contains(Byte.colon) == true || domain.utf8.contains(where: isSeparator)
            || routingDomain?.utf8.contains(where: isSeparator) == true
    }

    private static func check(_ value: String?, as component: String) throws(QueueNameError) {
        guard let value else { return }
        guard value.utf8.count <= componentLimit else { throw QueueNameError(code: .tooLong, component: component) }
        guard value.firstControlOffset == nil else { throw QueueNameError(code: .controlCharacter, component: component) }
    }
}

extension QueueName: CustomStringConvertible {
    package var description: String { text }
}
