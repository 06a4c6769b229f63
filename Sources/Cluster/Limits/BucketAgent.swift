package import Shaping

/// What one node knows and holds of one bucket of limits. *State machine*: time and randomness are arguments, nothing is sent or read.
///
/// The owner hands requests to the store one at a time and reports what became of each. Everything it holds ends by its own steady clock
/// before it ends in the store; docs/cluster.md has the reasons, `BucketScript` the other half.
package struct BucketAgent: Sendable {
    let settings: ClusterSettings
    let bucket: Int
    let node: String
    let incarnation: UInt64
    var rates: [LimitKey: RatePool] = [:]
    var permits: [LimitKey: PermitPool] = [:]

    var sequence: Int64 = 0
    /// The epoch of the store as of the last answer; 0 before.
    package internal(set) var epoch: Int64 = 0
    /// The store's clocks minus ours, at best, in microseconds.
    var slowAnchor: Int64?
    /// Which origin of the slow clock `slowAnchor` belongs to.
    var generation: Int64 = 0
    var fastAnchor: Int64?
    /// The store's fast clock in the newest good answer.
    var acknowledged: Int64 = 0
    /// When the request of the newest answer that granted was sent.
    var lastOpen: Int64?
    /// When somebody first wanted a limit, and when the store last answered at all.
    var wantedAt: Int64?
    var answeredAt = Int64.min / 4
    /// The share and the end of its lease.
    var share: Int64 = 0
    var shareUntil = Int64.min / 4
    var members: Int64 = 1
    var isLearning = false
    /// Requests without an answer in a row.
    var failuresInARow = 0
    var inFlight: InFlight?
    var askedAt = Int64.min / 4
    var isUrgent = true
    /// Counters for the metrics.
    package private(set) var statistics = BucketStatistics()

    /// *Value*: a request under way.
    struct InFlight: Sendable {
        var sequence: Int64
        var sentAt: Int64
        /// Whether the node may have been on its share.
        var isAway: Bool
        var operations: [(key: LimitKey, isRate: Bool)]
    }

    /// An agent that holds nothing.
    /// - Parameter rememberedEpoch: the epoch this node knew a short while ago, before a restart; 0 for none. A store that has another one
    ///   then has lost something.
    package init(_ settings: ClusterSettings, bucket: Int, node: String, incarnation: UInt64, rememberedEpoch: Int64) {
        self.settings = settings
        self.bucket = bucket
        self.node = node
        self.incarnation = incarnation
        epoch = rememberedEpoch
    }

    /// How many keys of each sort are remembered; more have to wait.
    static let capacity = 100_000
    /// How many operations one request carries.
    static let largestRequest = 500

    // MARK: Limiters

    /// Slots of a rate, or when to try again.
    package mutating func leaseRate(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64) -> RateLease {
        if rates[key] == nil {
            guard rates.count < Self.capacity else { return .retry(atNanoseconds: now + 1_000_000_000) }
            rates[key] = RatePool(spec: spec, now: now, jitter: jitter(key))
        }
        if wantedAt == nil { wantedAt = now }
        rates[key]?.adopt(spec, now: now)
        if let right = right(for: spec, now: now) {
            guard right.until > now else {
                statistics.closed += 1
                return .retry(atNanoseconds: now + 500_000_000)
            }
            return rates[key]?.leaseAway(want, right: right, now: now) ?? .retry(atNanoseconds: now + 500_000_000)
        }
        return rates[key]?.lease(want, now: now, settings: settings) ?? .retry(atNanoseconds: now + 500_000_000)
    }

    /// Slots that were leased and not used.
    package mutating func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots, now: Int64) {
        guard rates[key]?.spec == spec else { return }
        rates[key]?.giveBack(slots, now: now)
    }

    /// Up to `want` permits, or when to try again.
    package mutating func leasePermits(_ key: LimitKey, limit: Int, want: Int, now: Int64) -> PermitLease {
        if permits[key] == nil {
            guard permits.count < Self.capacity else { return .retry(atNanoseconds: now + 1_000_000_000) }
            permits[key] = PermitPool(limit: limit, now: now)
        }
        if wantedAt == nil { wantedAt = now }
        let own = ownPermits(now: now)
        return permits[key]?.lease(limit: limit, want: want, own: own, now: now, settings: settings)
            ?? .retry(atNanoseconds: now + 500_000_000)
    }

    /// Permits that are free again.
    package mutating func returnPermits(_ key: LimitKey, count: Int, now: Int64) {
        permits[key]?.giveBack(count, now: now)
    }

    /// Transactions begun over connections under the limit.
    package mutating func noteTransactions(_ key: LimitKey, count: Int) { permits[key]?.transactions += count }

    /// Whether the store has not answered for longer than a heartbeat.
    package func isLost(now: Int64) -> Bool { now - answeredAt > settings.heartbeat * 2 }

    /// Whether the store has still to answer what somebody wants of the rate.
    package func isUndecided(_ key: LimitKey) -> Bool { rates[key]?.isUndecided ?? false }

    /// Takes up one recall under the limit.
    package mutating func claimRecall(_ key: LimitKey) -> Bool { permits[key]?.claimRecall() ?? false }

    /// Limits whose unused permits the limiters should part with.
    package var scarce: [LimitKey] { permits.compactMap { $0.value.waiters > 0 || $0.value.recall > 0 ? $0.key : nil } }

    /// What holds for the permits in use under `key`.
    package func permitTerms(_ key: LimitKey, now: Int64) -> PermitTerms {
        if ownPermits(now: now) != nil { return .unlimited }
        return permits[key]?.terms(now: now, settings: settings) ?? .unlimited
    }

    // MARK: The share

    /// When the node may begin to live on its share: the store has reserved it by then, whatever was lost on the way.
    var awayAt: Int64 {
        guard let lastOpen else {
            // Never granted anything: there is no share, only what `on_store_loss` says of a store that does not answer.
            guard let wantedAt else { return .max }
            return max(wantedAt, answeredAt) + settings.heartbeatTimeout + settings.rateTTL
        }
        // The store looks every half second; bandwidth granted to others runs out within its lease.
        return lastOpen + settings.heartbeatTimeout + 500_000_000 + settings.slowestReply + settings.rateTTL + 200_000_000
    }

    /// By what right the limit is used without the store; `nil` while the store is there.
    func right(for spec: ThrottleSpec, now: Int64) -> AwayRight? {
        let begin = awayAt
        guard now >= begin else { return nil }
        var right = AwayRight(kind: .share, share: share, members: members, floor: nil, since: begin, until: shareUntil)
        guard now >= shareUntil else { return right }
        // A store that is learning lives: nothing but shares.
        guard !isLearning else { return right }
        // The share has run out: whether Redis lives, nobody knows.
        switch spec.onStoreLoss ?? settings.storeLoss {
        case .closed: return right
        case .share: right.until = .max
        case .floor(let floor):
            right.kind = .floor
            right.floor = floor
            right.until = .max
        case .local:
            right.kind = .local
            right.until = .max
        }
        return right
    }

    /// How many permits of each limit may be used without a lease, after the share has run out; `nil` when leases decide.
    private func ownPermits(now: Int64) -> Int? {
        guard now >= awayAt, now >= shareUntil, !isLearning else { return nil }
        switch settings.storeLoss {
        case .closed: return nil
        case .share: return PermitPool.asGranted
        case .floor: return 1
        case .local: return .max
        }
    }

    /// By what right limits of this bucket are used now.
    package func mode(now: Int64) -> LimitMode {
        guard now >= awayAt || isLearning else { return .redis }
        if isLearning { return .learning }
        if now < shareUntil { return share > 0 ? .share : .closed }
        switch settings.storeLoss {
        case .closed: return .closed
        case .share: return .share
        case .floor: return .floor
        case .local: return .local
        }
    }

    /// The share of each limit that this node would have without the store, 0…1.
    package var shareFraction: Double { Double(share) / Double(BucketScript.whole) }

    // MARK: Small parts

    mutating func count(_ change: (inout BucketStatistics) -> Void) { change(&statistics) }

    private func jitter(_ key: LimitKey) -> Int64 {
        Int64((StableHash.hash(key.name) ^ StableHash.mix(incarnation)) % 1_000_000_000)
    }
}

/// Counters of a bucket. *Value.*
package struct BucketStatistics: Sendable, Equatable {
    /// Answers that came in time.
    package var answers = 0
    /// Requests without an answer in time.
    package var failures = 0
    /// Another epoch was met.
    package var epochChanges = 0
    /// Blocks of permits that were smaller on return than what was in use.
    package var leasesLost = 0
    /// Answers that could not be read.
    package var malformed = 0
    /// Takers sent away because a share ran out.
    package var closed = 0

    /// Nothing counted.
    package init() {}
}
