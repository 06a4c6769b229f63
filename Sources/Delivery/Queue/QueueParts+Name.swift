package import Cluster
package import Message

extension QueueParts {
    /// The parts of a queue as rules match them: domains in small letters, as rules have them.
    package init(_ queue: QueueName, name: String) {
        self.init(
            name: name, campaign: queue.campaign, tenant: queue.tenant, domain: queue.domain, routingDomain: queue.routingDomain)
        self = smallDomains
    }

    private var smallDomains: QueueParts {
        let scope = ControlScope(domain: domain, routingDomain: routingDomain).normalized
        var parts = self
        parts.domain = scope.domain ?? domain
        parts.routingDomain = scope.routingDomain
        return parts
    }
}

extension ControlScope {
    /// The scope as queues have their names: domains in small letters, and each queue's name in its printed form, so that whatever
    /// form an operator types is found.
    package var canonical: ControlScope {
        var scope = normalized
        scope.queues = queues.map { QueueName.canonical($0) }
        return scope
    }
}
