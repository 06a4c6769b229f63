import ArgumentParser
import Client
import Message

/// *Value*: the criteria that choose queues, the same for every command that acts on them. All that are given must match.
struct Matching: ParsableArguments {
    @Option(help: ArgumentHelp("Queues of this domain.", valueName: "domain"))
    var domain: String?

    @Option(help: ArgumentHelp("Queues with this routing domain.", valueName: "domain"))
    var routingDomain: String?

    @Option(help: ArgumentHelp("Queues of this tenant.", valueName: "name"))
    var tenant: String?

    @Option(help: ArgumentHelp("Queues of this campaign.", valueName: "name"))
    var campaign: String?

    @Option(help: ArgumentHelp("The queue of this name, as listed; may be repeated.", valueName: "name"))
    var queue: [String] = []

    @Flag(help: "All queues.")
    var everything = false

    var isEmpty: Bool { domain == nil && routingDomain == nil && tenant == nil && campaign == nil && queue.isEmpty && !everything }

    /// Puts the criteria into an order.
    func fill(_ order: inout RuleOrder) {
        order.domain = domain
        order.routingDomain = routingDomain
        order.tenant = tenant
        order.campaign = campaign
        order.queueNames = queue.isEmpty ? nil : queue
        order.everything = everything ? true : nil
    }

    /// Whether a rule is about exactly these queues.
    func isScope(of rule: RuleStatus) -> Bool {
        rule.domain == domain?.lowercased() && rule.routingDomain == routingDomain?.lowercased() && rule.tenant == tenant
            && rule.campaign == campaign && (rule.queueNames ?? []) == queue.map { QueueName.canonical($0) }
            && (rule.everything ?? false) == everything && rule.name == nil
    }

    static let missing =
        "name the queues: --domain, --routing-domain, --tenant, --campaign, --queue (all that are given must match), or --everything"
}

/// *Value*: a table of rules for people.
enum RuleTable {
    static func text(_ rules: [RuleStatus], isBounce: Bool = false) -> String {
        var table = TextTable(["ID", "WHAT"] + (isBounce ? ["BOUNCED HERE"] : []) + ["LEFT", "ISSUER", "REASON"])
        if isBounce { table.rightAligned = [2] }
        for rule in rules {
            table.add(
                [rule.id, rule.scope] + (isBounce ? ["\(rule.totalBounced ?? 0)"] : []) + [
                    rule.duration ?? "forever", rule.issuer, rule.reason,
                ])
        }
        return table.text
    }
}
