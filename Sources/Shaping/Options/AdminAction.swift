/// What an operator or a policy orders for a set of queues: to wait, or to bounce. *Value.*
///
/// The tables of `kumo.api.admin.*` in Lua and the bodies of `/api/admin/*` over HTTP have the same names.
package struct AdminAction: Sendable, Hashable {
    /// What is ordered. *Value.*
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Scheduled queues deliver nothing.
        case suspend
        /// One egress path delivers nothing.
        case suspendReadyQueue = "suspend_ready_q"
        /// The messages of scheduled queues fail.
        case bounce
    }

    /// How long it holds. *Value.*
    package enum Lifetime: Sendable, Hashable {
        /// From now on.
        case duration(Duration)
        /// Until a moment, in nanoseconds since 1970.
        case until(Int64)
    }

    /// What is ordered.
    package let kind: Kind
    /// Why: shown in lists and logs.
    package let reason: String
    /// The destination domain the queues must have.
    package let domain: String?
    /// The routing domain the queues must have.
    package let routingDomain: String?
    /// The tenant the queues must have.
    package let tenant: String?
    /// The campaign the queues must have.
    package let campaign: String?
    /// The names of the queues; empty when names do not matter.
    package let queueNames: [String]
    /// Whether all queues are meant; then there are no criteria.
    package let isEverything: Bool
    /// The egress path, for `suspendReadyQueue`.
    package let path: String?
    /// Whether bounces leave no log records.
    package let suppressLogging: Bool
    /// How long it holds; `expires` counts more than `duration`.
    package let lifetime: Lifetime

    /// Reads and checks the table.
    package init(_ kind: Kind, _ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options(kind))
        self.kind = kind
        let reason = try read.optionalText("reason", "a text of 1 to 500 bytes without control characters") {
            (1...500).contains($0.utf8.count) && TextCheck.isPrintable($0)
        }
        guard let reason else { throw read.schema.fail("reason", "is required: a text of 1 to 500 bytes") }
        self.reason = reason
        let duration = try read.duration("duration", .seconds(300), in: .seconds(1) ... .seconds(3660 * 86_400))
        if let value = read.value("expires") {
            guard let moment = value.stringValue.flatMap(InstantText.unixNanoseconds) else {
                throw read.mustBe("expires", InstantText.accepted, value)
            }
            lifetime = .until(moment)
        } else {
            lifetime = .duration(duration)
        }
        if kind == .suspendReadyQueue {
            path = try read.name("name")
            (domain, routingDomain, tenant, campaign, queueNames) = (nil, nil, nil, nil, [])
            (isEverything, suppressLogging) = (false, false)
            return
        }
        path = nil
        domain = try read.optionalName("domain")
        routingDomain = try read.optionalName("routing_domain")
        tenant = try read.optionalName("tenant")
        campaign = try read.optionalName("campaign")
        queueNames = try read.names("queue_names")
        guard queueNames.count <= Self.mostQueues else {
            throw read.schema.fail("queue_names", "must have at most \(Self.mostQueues) entries; got \(queueNames.count)")
        }
        isEverything = try read.bool("everything", false)
        suppressLogging = kind == .bounce ? try read.bool("suppress_logging", false) : false
        let hasCriteria = [domain, routingDomain, tenant, campaign].contains { $0 != nil } || !queueNames.isEmpty
        // A criterion that is nil by mistake must not mean the whole of the mail.
        if !hasCriteria, !isEverything {
            throw read.schema.fail(
                "domain", "or 'routing_domain', 'tenant', 'campaign' or 'queue_names' is required; everything = true means all queues")
        }
        if hasCriteria, isEverything {
            throw read.schema.fail("everything", "means all queues, so it can not stand beside criteria")
        }
    }

    /// Every name of the table.
    static func options(_ kind: Kind) -> OptionSchema {
        switch kind {
        case .suspend: suspendOptions
        case .suspendReadyQueue: readyQueueOptions
        case .bounce: bounceOptions
        }
    }

    private static let mostQueues = 1000
    private static let common: [String: OptionRule] = ["reason": .field, "duration": .field, "expires": .field]
    private static let criteria: [String: OptionRule] = [
        "domain": .field, "routing_domain": .field, "tenant": .field, "campaign": .field, "queue_names": .field, "everything": .field,
    ]
    private static let suspendOptions = OptionSchema(owner: "suspend", rules: common.merging(criteria) { $1 })
    private static let readyQueueOptions = OptionSchema(owner: "suspend_ready_q", rules: common.merging(["name": .field]) { $1 })
    private static let bounceOptions = OptionSchema(
        owner: "bounce", rules: common.merging(criteria) { $1 }.merging(["suppress_logging": .field]) { $1 })
}
