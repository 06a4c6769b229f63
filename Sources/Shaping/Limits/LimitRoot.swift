/// Where limits are agreed: inside the process, or a store that the nodes of a cluster share.
///
/// A root answers at once. One that has to ask a store says when to ask again, and has the answer by then.
package protocol LimitRoot: Sendable {
    /// Asks for `want` slots of a rate.
    func leaseRate(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64) -> RateLease
    /// Returns slots that were leased and will not be used. A root may ignore it: unused slots lapse by themselves.
    func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots)
    /// Asks for up to `want` permits, of at most `limit` over all holders.
    func leasePermits(_ key: LimitKey, limit: Int, want: Int, now: Int64) -> PermitLease
    /// Returns permits.
    func returnPermits(_ key: LimitKey, count: Int)
    /// Tells of a holder that may keep unused permits for a while, to be asked for them when another needs one.
    func enrol(_ holder: any PermitHolder, for key: LimitKey)
    /// Forgets the holder.
    func withdraw(_ holder: any PermitHolder, for key: LimitKey)
    /// Whether permits are leased from outside this process, so that they can end before they are returned.
    var leasesEnd: Bool { get }
    /// What holds for the permits in use under `key`; to be asked immediately before a connection is opened or a transaction begun.
    func permitTerms(_ key: LimitKey, now: Int64) -> PermitTerms
    /// Whether whoever decides about the limit does not answer.
    func isLost(_ key: LimitKey, now: Int64) -> Bool
    /// Whether the answer to the newest request for a rate is still on its way, so that a refusal says nothing yet.
    func isUndecided(_ key: LimitKey) -> Bool
    /// So many transactions were begun under `key`. They count towards the quantum after which a permit is passed on.
    func noteTransactions(_ key: LimitKey, count: Int)
    /// Takes up one recall of a permit: the caller closes a connection. False when none is recalled (any more).
    func claimRecall(_ key: LimitKey) -> Bool
}

extension LimitRoot {
    /// Lets the slots lapse.
    package func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots) {}
    /// Leaves the holder to return its surplus in its own time.
    package func enrol(_ holder: any PermitHolder, for key: LimitKey) {}
    /// Nothing to forget.
    package func withdraw(_ holder: any PermitHolder, for key: LimitKey) {}
    /// Permits last until they are returned.
    package var leasesEnd: Bool { false }
    /// No end, no recall.
    package func permitTerms(_ key: LimitKey, now: Int64) -> PermitTerms { .unlimited }
    /// It decides itself.
    package func isLost(_ key: LimitKey, now: Int64) -> Bool { false }
    /// It answers at once.
    package func isUndecided(_ key: LimitKey) -> Bool { false }
    /// Nothing to count.
    package func noteTransactions(_ key: LimitKey, count: Int) {}
    /// Nothing is recalled.
    package func claimRecall(_ key: LimitKey) -> Bool { false }
}

/// Someone who leased permits in a block and may be asked to part with those not in use.
package protocol PermitHolder: AnyObject, Sendable {
    /// Takes the unused permits away; the caller accounts for them. May be called from any thread.
    func surrender() -> Int
}
