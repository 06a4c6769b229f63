import Resources
import Shaping

/// *Loop-confined*: the limits of one egress path: its message rates, its connection rate, its connection permits.
///
/// Each is leased from the limit root (architecture, section 4); the path uses what it holds without asking.
final class PathLimits {
    /// *Value*: the answer, with the limit that blocks.
    enum Answer {
        case granted
        case wait(until: Int64, limit: String)
    }

    private var messageRates: [(key: String, label: String, limiter: RateLimiter)] = []
    private var connectionRate: (label: String, limiter: RateLimiter)?
    private var permits: [PermitLimit] = []

    /// *Value*: one limit on connections.
    struct PermitLimit {
        let limitKey: LimitKey
        let label: String
        var limiter: ConcurrencyLimiter
        let root: any LimitRoot
    }

    /// Whether connections are counted by leases that can end: then the terms have to be looked at before each transaction.
    private(set) var leasesEnd = false
    /// The terms of the open connections as they were a moment ago. A message asks for them several times, and each asking takes a lock and
    /// finds a name; their times are absolute, so a process that was stopped meanwhile still sees them pass.
    private var known = (terms: PermitTerms.unlimited, limit: "")
    private var knownAt = Int64.min / 4
    /// How old `known` may be.
    private static let freshness: Int64 = 1_000_000
    /// Transactions that the roots have not heard of yet.
    private var transactions = 0
    /// Whether the path's own `connection_limit` is among the limits; otherwise the path counts its connections itself.
    private(set) var leasesPathLimit = false

    /// - Parameter replacing: the limits of the former configuration; what has the same name keeps what it holds.
    init(path: String, config: EgressPathConfig, roots: LimitRoots, replacing old: PathLimits?) {
        var rates: [(String, String, ThrottleSpec)] = []
        if let spec = config.maxMessageRate { rates.append(("max_message_rate", "kumomta.max_message_rate.\(path)", spec)) }
        for (name, spec) in config.additionalMessageRateThrottles.sorted(by: { $0.key < $1.key }) {
            rates.append(("additional_message_rate_throttles.\(name)", name, spec))
        }
        messageRates = rates.map { option, key, spec in
            let label = "\(option) \(spec.text)"
            if let kept = old?.messageRates.first(where: { $0.label == label }) { return kept }
            return (key, label, RateLimiter(key: LimitKey(name: key), spec: spec, root: roots.root(for: spec)))
        }
        isStrict = rates.contains { RateRule($0.2).isLogged }
        if let spec = config.maxConnectionRate {
            let label = "max_connection_rate \(spec.text)"
            if let kept = old?.connectionRate, kept.label == label {
                connectionRate = kept
            } else {
                connectionRate = (
                    label, RateLimiter(key: LimitKey(name: "\(path)-connection-rate"), spec: spec, root: roots.root(for: spec))
                )
            }
        }
        var limits = config.additionalConnectionLimits.sorted(by: { $0.key < $1.key }).map { name, limit in
            (name, "additional_connection_limits.\(name) \(limit.count)", limit)
        }
        // Alone, the path counts its own connections: it lives on one loop.
        leasesPathLimit = roots.shared.leasesEnd && !config.connectionLimit.isLocal
        if leasesPathLimit {
            let limit = config.connectionLimit
            limits.append(("kumomta.connection_limit.\(path)", "connection_limit \(limit.count)", limit))
        }
        permits = limits.map { name, label, limit in
            let root = limit.isLocal ? roots.local : roots.shared
            let key = LimitKey(name: name)
            // A changed limit keeps its limiter: the connections that are open still count against it.
            if let kept = old?.permits.first(where: { $0.limitKey == key && $0.root.leasesEnd == root.leasesEnd }) {
                var limiter = kept.limiter
                limiter.setLimit(limit.count)
                return PermitLimit(limitKey: key, label: label, limiter: limiter, root: root)
            }
            let limiter = ConcurrencyLimiter(key: key, limit: limit.count, root: root)
            return PermitLimit(limitKey: key, label: label, limiter: limiter, root: root)
        }
        leasesEnd = permits.contains { $0.root.leasesEnd }
        old?.reportTransactions()
    }

    /// *Value.* Whether the envelope of a message may leave behind the content of the one before.
    enum LookAhead {
        case free
        /// Only to a server that answers at once.
        case ifQuick
        case never
    }

    /// How far the message rates let messages be sent ahead. What a few messages too many would break is not worth a round trip.
    var lookAhead: LookAhead { messageRates.isEmpty ? .free : isStrict ? .never : .ifQuick }
    private var isStrict = false

    /// One message (a transaction) may be sent; a slot of every limit is taken, or of none.
    func takeMessage(now: Int64) -> Answer {
        for index in messageRates.indices {
            guard case .wait(let until) = messageRates[index].limiter.take(1, now: now) else { continue }
            for held in 0..<index { messageRates[held].limiter.give(1, now: now) }
            return .wait(until: until, limit: messageRates[index].label)
        }
        return .granted
    }

    /// *Loop-confined*: the permits of one connection.
    ///
    /// It keeps the limiters they came from: the configuration may have changed by the time the connection closes.
    final class Permits {
        fileprivate var limits: [PermitLimit]
        fileprivate init(_ limits: [PermitLimit]) { self.limits = limits }

        /// The connection is closed.
        func give() {
            let now = Clock.monotonic()
            for index in limits.indices { limits[index].limiter.give(now: now) }
            limits = []
        }
    }

    /// The permits of the connection that was just granted.
    func permitsTaken() -> Permits { Permits(permits) }

    /// Whether there is a rate of new connections.
    var hasConnectionRate: Bool { connectionRate != nil }

    /// One host may be dialled now: a new connection for whoever counts them.
    func takeDial(now: Int64) -> Answer {
        guard case .wait(let until)? = connectionRate?.limiter.take(1, now: now) else { return .granted }
        dialAfter = until
        return .wait(until: until, limit: connectionRate?.label ?? "")
    }

    /// Until when no host may be dialled, and because of what; nil when it is worth trying.
    func dialWait(now: Int64) -> (until: Int64, limit: String)? {
        connectionRate.flatMap { now < dialAfter ? (dialAfter, $0.label) : nil }
    }

    private var dialAfter = Int64.min

    /// One connection may be kept; `permitsTaken` belong to it.
    func takeConnection(now: Int64) -> Answer {
        for index in permits.indices {
            guard case .wait(let until) = permits[index].limiter.take(now: now) else { continue }
            for held in 0..<index { permits[held].limiter.give(now: now) }
            return .wait(until: until, limit: permits[index].label)
        }
        knownAt = .min / 4
        return .granted
    }

    /// What holds for the open connections: the strictest of all limits, at most a millisecond old.
    func terms(now: Int64) -> (terms: PermitTerms, limit: String) {
        guard now - knownAt >= Self.freshness else { return known }
        reportTransactions()
        known = askTerms(now: now)
        knownAt = now
        return known
    }

    private func askTerms(now: Int64) -> (terms: PermitTerms, limit: String) {
        var strictest = PermitTerms.unlimited
        var limit = ""
        for permit in permits where permit.root.leasesEnd {
            let terms = permit.root.permitTerms(permit.limitKey, now: now)
            if terms.startBy < strictest.startBy { limit = permit.label }
            strictest.startBy = min(strictest.startBy, terms.startBy)
            strictest.closeBy = min(strictest.closeBy, terms.closeBy)
            strictest.recall = max(strictest.recall, terms.recall)
            strictest.excess = max(strictest.excess, terms.excess)
        }
        return (strictest, limit)
    }

    /// Whether the limit of that label waits for a store that does not answer, rather than for other nodes.
    func hasLostLease(_ label: String, now: Int64) -> Bool {
        permits.contains { $0.label == label && $0.root.leasesEnd && $0.root.isLost($0.limitKey, now: now) }
    }

    /// A transaction begins.
    func noteTransaction() { transactions += 1 }

    private func reportTransactions() {
        guard transactions > 0 else { return }
        for permit in permits where permit.root.leasesEnd { permit.root.noteTransactions(permit.limitKey, count: transactions) }
        transactions = 0
    }

    /// Whether one connection is to be closed at this transaction boundary, because another node waits for its permit.
    func claimRecall() -> Bool {
        guard terms(now: Clock.monotonic()).terms.recall > 0,
            permits.contains(where: { $0.root.leasesEnd && $0.root.claimRecall($0.limitKey) })
        else {
            return false
        }
        knownAt = .min / 4
        return true
    }

    /// Gives everything back.
    func close() { for index in permits.indices { permits[index].limiter.close() } }
}
