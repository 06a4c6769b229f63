internal import Platform

/// The live entries of one kind, found by what they act on. *Value*, built at each change.
///
/// Each entry stands under its most selective criterion only; what is found there is still asked whether all of it matches.
struct ControlIndex: Sendable {
    private var byQueue: [String: [ControlEntry]] = [:]
    private var byDomain: [String: [ControlEntry]] = [:]
    private var byRoutingDomain: [String: [ControlEntry]] = [:]
    private var byTenant: [String: [ControlEntry]] = [:]
    private var byCampaign: [String: [ControlEntry]] = [:]
    private var byPath: [String: [ControlEntry]] = [:]
    private var everything: [ControlEntry] = []
    /// Entries in it.
    private(set) var count = 0

    /// An index of those entries that act on `node`. The entries of one list stand in the order in which they should be found.
    init(_ entries: some Sequence<ControlEntry>, node: String) {
        let here = entries.filter { !$0.isRemoved && ($0.scope.node == nil || $0.scope.node == node) }
        count = here.count
        for entry in here.sorted(by: Self.lastsLonger) {
            let scope = entry.scope
            if !scope.queues.isEmpty {
                for queue in Set(scope.queues) { byQueue[queue, default: []].append(entry) }
            } else if let domain = scope.domain {
                byDomain[domain, default: []].append(entry)
            } else if let domain = scope.routingDomain {
                byRoutingDomain[domain, default: []].append(entry)
            } else if let tenant = scope.tenant {
                byTenant[tenant, default: []].append(entry)
            } else if let campaign = scope.campaign {
                byCampaign[campaign, default: []].append(entry)
            } else if let path = scope.path {
                byPath[path, default: []].append(entry)
            } else if scope.isEverything {
                everything.append(entry)
            }
        }
    }

    /// The one that lasts longest comes first: whoever waits for its end is not woken too early.
    private static func lastsLonger(_ left: ControlEntry, _ right: ControlEntry) -> Bool {
        let ends = (left.end.instant, right.end.instant)
        return ends.0 != ends.1 ? ends.0 > ends.1 : left.id < right.id
    }

    /// The entry that matches the queue and lasts longest.
    func entry(for queue: QueueParts, now: MonotonicInstant) -> ControlEntry? {
        var found: ControlEntry?
        func look(_ candidates: [ControlEntry]?) {
            guard let first = candidates?.first(where: { !$0.isExpired(at: now) && $0.scope.matches(queue: queue) }) else { return }
            if let known = found, !Self.lastsLonger(first, known) { return }
            found = first
        }
        if !byQueue.isEmpty { look(byQueue[queue.name]) }
        if !byDomain.isEmpty { look(byDomain[queue.domain]) }
        if !byRoutingDomain.isEmpty, let domain = queue.routingDomain { look(byRoutingDomain[domain]) }
        if !byTenant.isEmpty, let tenant = queue.tenant { look(byTenant[tenant]) }
        if !byCampaign.isEmpty, let campaign = queue.campaign { look(byCampaign[campaign]) }
        if !everything.isEmpty { look(everything) }
        return found
    }

    /// The entry that matches the egress path and lasts longest.
    func entry(forPath path: String, now: MonotonicInstant) -> ControlEntry? {
        let exact = byPath[path]?.first { !$0.isExpired(at: now) && $0.scope.matches(path: path) }
        let general = everything.first { !$0.isExpired(at: now) && $0.scope.matches(path: path) }
        guard let exact, let general else { return exact ?? general }
        return Self.lastsLonger(general, exact) ? general : exact
    }
}
