package import Options

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
    package private(set) var reason = ""
    private var duration = Duration.seconds(300)
    private var expires: Int64?
    /// The destination domain the queues must have.
    package private(set) var domain: String?
    /// The routing domain the queues must have.
    package private(set) var routingDomain: String?
    /// The tenant the queues must have.
    package private(set) var tenant: String?
    /// The campaign the queues must have.
    package private(set) var campaign: String?
    /// The names of the queues; empty when names do not matter.
    package private(set) var queueNames: [String] = []
    /// Whether all queues are meant; then there are no criteria.
    package private(set) var isEverything = false
    /// The egress path, for `suspendReadyQueue`.
    package private(set) var path: String?
    /// Whether bounces leave no log records.
    package private(set) var suppressLogging = false

    /// How long it holds; `expires` counts more than `duration`.
    package var lifetime: Lifetime { expires.map { .until($0) } ?? .duration(duration) }

    /// Reads and checks the table.
    package init(_ kind: Kind, _ table: [String: ConfigValue]) throws(ConfigError) {
        self.kind = kind
        let read = try Self.options(kind).read(table, into: &self)
        guard kind != .suspendReadyQueue else { return }
        let hasCriteria = [domain, routingDomain, tenant, campaign].contains { $0 != nil } || !queueNames.isEmpty
        // A criterion that is nil by mistake must not mean the whole of the mail.
        if !hasCriteria, !isEverything {
            throw read.fail(
                "domain", "or 'routing_domain', 'tenant', 'campaign' or 'queue_names' is required; everything = true means all queues")
        }
        if hasCriteria, isEverything {
            throw read.fail("everything", "means all queues, so it can not stand beside criteria")
        }
    }

    private init(_ kind: Kind) { self.kind = kind }

    /// What the tables say of themselves.
    package static func manual(_ kind: Kind, of function: String) -> OptionManual {
        OptionManual(options(kind), AdminAction(kind), of: function)
    }

    /// Every name of the table.
    package static func options(_ kind: Kind) -> OptionList<AdminAction> {
        switch kind {
        case .suspend: suspendOptions
        case .suspendReadyQueue: readyQueueOptions
        case .bounce: bounceOptions
        }
    }

    private static let suspendOptions = OptionList<AdminAction>("suspend") {
        common
        criteria
    }

    private static let readyQueueOptions = OptionList<AdminAction>("suspend_ready_q") {
        common
        OptionRow.required("name", \.path, .name, "the egress path")
    }

    private static let bounceOptions = OptionList<AdminAction>("bounce") {
        common
        criteria
        OptionRow("suppress_logging", \.suppressLogging, .bool, "no log records")
    }

    @OptionRows<AdminAction>
    private static var common: [OptionRow<AdminAction>] {
        OptionRow.required(
            "reason", \.reason,
            .text("a text of 1 to 500 bytes without control characters", values: "1 to 500 bytes") {
                (1...500).contains($0.utf8.count) && TextCheck.isPrintable($0)
            }, "why: shown in lists and logs")
        OptionRow("duration", \.duration, .duration(.seconds(1) ... .seconds(3660 * 86_400)), "how long it holds")
        OptionRow(
            "expires", \.expires, .moment, "until when it holds, such as `'2030-01-31T12:00:00Z'`; counts more than `duration`")
    }

    @OptionRows<AdminAction>
    private static var criteria: [OptionRow<AdminAction>] {
        OptionRow("domain", \.domain, .name, "queues of this destination domain; all criteria that are given must match")
        OptionRow("routing_domain", \.routingDomain, .name, "queues of this routing domain")
        OptionRow("tenant", \.tenant, .name, "queues of this tenant")
        OptionRow("campaign", \.campaign, .name, "queues of this campaign")
        OptionRow("queue_names", \.queueNames, .names(most: 1000), "queues with these names")
        OptionRow(
            "everything", \.isEverything, .bool,
            "all queues. Without it at least one criterion is required, so that a value that is nil by mistake does not bounce the whole of "
                + "the mail")
    }
}

extension OptionKind where Value == Int64 {
    /// A moment, in nanoseconds since 1970.
    fileprivate static var moment: OptionKind {
        OptionKind(InstantText.accepted, values: "moment", text: { _ in "" }) { $0.stringValue.flatMap(InstantText.unixNanoseconds) }
    }
}
