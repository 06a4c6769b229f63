/// What an entry acts on. *Value.*
///
/// All criteria that are given must match. A scope without any criterion matches nothing, unless it says `isEverything`: a request
/// whose field was misspelt must not stop all mail.
package struct ControlScope: Sendable, Hashable {
    /// The domain of the queue.
    package var domain: String?
    /// The routing domain of the queue.
    package var routingDomain: String?
    /// The tenant of the queue.
    package var tenant: String?
    /// The campaign of the queue.
    package var campaign: String?
    /// Whole queue names; one of them must be the queue's.
    package var queues: [String]
    /// An egress path.
    package var path: String?
    /// The only node that acts on the entry; nil = all nodes.
    package var node: String?
    /// Everything there is.
    package var isEverything: Bool

    /// A scope of these criteria.
    package init(
        domain: String? = nil, routingDomain: String? = nil, tenant: String? = nil, campaign: String? = nil, queues: [String] = [],
        path: String? = nil, node: String? = nil, isEverything: Bool = false
    ) {
        self.domain = domain
        self.routingDomain = routingDomain
        self.tenant = tenant
        self.campaign = campaign
        self.queues = queues
        self.path = path
        self.node = node
        self.isEverything = isEverything
    }

    /// True when no queue and no path can match.
    package var isEmpty: Bool { !hasQueueCriterion && path == nil && !isEverything }

    /// True when a criterion speaks of queues.
    package var hasQueueCriterion: Bool {
        domain != nil || routingDomain != nil || tenant != nil || campaign != nil || !queues.isEmpty
    }

    /// True when all given criteria match `queue`. The node is not looked at here; `ControlState` does.
    package func matches(queue: QueueParts) -> Bool {
        guard hasQueueCriterion || isEverything, path == nil else { return false }
        if let domain, domain != queue.domain { return false }
        if let routingDomain, routingDomain != queue.routingDomain { return false }
        if let tenant, tenant != queue.tenant { return false }
        if let campaign, campaign != queue.campaign { return false }
        return queues.isEmpty || queues.contains(queue.name)
    }

    /// True when the scope speaks of that egress path.
    package func matches(path wanted: String) -> Bool {
        guard !hasQueueCriterion else { return false }
        if let path { return path == wanted }
        return isEverything
    }

    /// The same scope with domains in small letters, as queues have them.
    package var normalized: ControlScope {
        var scope = self
        scope.domain = domain.map(Self.smallLetters)
        scope.routingDomain = routingDomain.map(Self.smallLetters)
        return scope
    }

    /// US-ASCII letters made small; other characters stay.
    private static func smallLetters(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
