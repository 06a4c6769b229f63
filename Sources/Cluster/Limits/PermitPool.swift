import Shaping

/// What a node holds of one limit. *State machine*; times in monotonic nanoseconds.
struct PermitPool: Sendable {
    /// C, the limit over all nodes.
    private(set) var limit: Int
    /// Permits with the limiters of this node.
    private(set) var inUse = 0
    /// Permits the store has granted.
    private(set) var granted = 0
    /// While a question is open only what it claimed is certain.
    private var frozen: Int?
    /// What the newest question claimed.
    private var claimedUse = 0
    /// When the question was sent whose answer granted them.
    private(set) var leasedAt = Int64.min / 4
    /// The store was provably not running at this time while the lease was good.
    private var storeGoneAt: Int64?
    private(set) var askedAt = Int64.min / 4
    private(set) var lastUse: Int64
    private var waiting = 0
    private(set) var waitingSince: Int64?
    /// When permits beyond those in use were last needed.
    private var neededAt: Int64
    /// What the store said last: how many to give back, how many nodes wait, how many are out.
    private(set) var recall = 0
    private(set) var waiters = 0
    private(set) var used = 0
    private var hasNews = false
    /// The store has told that a permit is free for this node.
    private var isHinted = false
    /// Recalls somebody has taken up and not yet carried out.
    private var claimed = 0
    /// Transactions since the permits were granted.
    var transactions = 0

    init(limit: Int, now: Int64) {
        self.limit = limit
        lastUse = now
        neededAt = now
    }

    /// Whether the pool can be forgotten.
    func isIdle(now: Int64) -> Bool { inUse == 0 && granted == 0 && frozen == nil && now - lastUse > 60_000_000_000 }

    private func leaseEnd(_ settings: ClusterSettings) -> Int64 {
        max(leasedAt, storeGoneAt ?? .min / 4) + settings.permitTTL
    }

    /// Stands for as many permits as were granted last.
    static let asGranted = -1

    /// How many may be in use.
    private var allowance: Int { min(granted, frozen ?? granted) }

    // MARK: Limiters

    /// Up to `want` permits, or when to try again.
    /// - Parameter own: how many may be used without a lease; `asGranted` for as many as the last lease had.
    mutating func lease(limit: Int, want: Int, own: Int?, now: Int64, settings: ClusterSettings) -> PermitLease {
        if limit != self.limit {
            self.limit = limit
            hasNews = true
        }
        lastUse = now
        if let own {
            let room = min(own == Self.asGranted ? granted : own, max(0, limit)) - inUse
            guard want > 0, room > 0 else { return .retry(atNanoseconds: now + 200_000_000) }
            inUse += min(want, room)
            return .permits(min(want, room))
        }
        let room = min(allowance, max(0, limit)) - inUse
        if want > 0, room > 0, recall == 0, now < leaseEnd(settings) - settings.permitMargin {
            let count = min(want, room)
            inUse += count
            neededAt = now
            waitingSince = nil
            return .permits(count)
        }
        guard limit > 0 else { return .retry(atNanoseconds: now + 1_000_000_000) }
        waiting = min(waiting + max(1, want), 1000)
        if waitingSince == nil { waitingSince = now }
        return .retry(atNanoseconds: min(max(now, askedAt + settings.keySpacing) + 10_000_000, now + 250_000_000))
    }

    /// Permits come back from the limiters.
    mutating func giveBack(_ count: Int, now: Int64) {
        let count = min(max(0, count), inUse)
        inUse -= count
        if count > 0, recall > 0 { isHinted = true }
        // What was recalled is another node's turn, not ours again.
        granted = max(inUse, granted - min(count, recall))
        recall = max(0, recall - count)
        claimed = max(0, claimed - count)
        // Somebody else waits for them: the store should know soon.
        if waiters > 0 || count > 0 && inUse == 0 { hasNews = true }
        if inUse > 0 || count > 0 { neededAt = max(neededAt, now) }
    }

    /// Somebody will give one permit back because the store asked for it.
    mutating func claimRecall() -> Bool {
        guard recall > claimed else { return false }
        claimed += 1
        return true
    }

    /// What holds for the permits in use.
    func terms(now: Int64, settings: ClusterSettings) -> PermitTerms {
        guard inUse > 0 else { return .unlimited }
        let end = leaseEnd(settings)
        let excess = frozen == nil ? max(0, inUse - granted) : 0
        return PermitTerms(
            startBy: end - settings.permitMargin, closeBy: end - settings.closeMargin, recall: max(0, recall - claimed), excess: excess)
    }

    // MARK: Store

    /// A permit came back that may be for this node.
    mutating func hurry(now: Int64) {
        guard waitingSince != nil, now - lastUse < 1_000_000_000 else { return }
        isHinted = true
        hasNews = true
    }

    /// When the store should be asked; `.max` when there is nothing to say.
    func due(now: Int64, settings: ClusterSettings) -> Int64 {
        // The more nodes wait, the less often each asks.
        let earliest = isHinted ? askedAt : askedAt + settings.keySpacing * Int64(max(1, min(8, waiters / 16)))
        if waiting > 0 || hasNews { return earliest }
        guard granted > 0 || inUse > 0 || frozen != nil else { return .max }
        var due = frozen != nil ? earliest : leasedAt + settings.permitRefresh
        if granted > inUse { due = min(due, max(earliest, neededAt + idleTime(settings))) }
        return due
    }

    /// For how long unused permits are kept: shorter when others wait, but long enough for those who asked for them here.
    private func idleTime(_ settings: ClusterSettings) -> Int64 {
        waiters > 0 ? min(settings.permitIdle, 2 * settings.keySpacing) : settings.permitIdle
    }

    /// Whether the store may know of permits here.
    var isKnown: Bool { granted > 0 || inUse > 0 || frozen != nil || hasNews || waitingSince != nil }

    /// The permits to claim: those in use, and those that will be needed again in a moment, unless somebody waits for them. If the store dies
    /// with the question, what was claimed is what the node still has.
    private func claim(now: Int64, settings: ClusterSettings) -> Int {
        let isBusy = now - neededAt < settings.permitIdle && now < leaseEnd(settings) - settings.permitMargin
        return isBusy && waiters == 0 && recall == 0 ? max(inUse, min(allowance, limit)) : inUse
    }

    /// The question, as the script wants it: seven fields after the kind.
    mutating func question(now: Int64, settings: ClusterSettings, isLeaving: Bool = false) -> [String] {
        askedAt = now
        let use = isLeaving ? inUse : claim(now: now, settings: settings)
        var want = inUse
        if waiting > 0 || (waitingSince != nil && now - lastUse < 1_000_000_000) {
            // A quarter more than in use, so that the next connection need not ask.
            want += max(1, min(waiting, 64)) + inUse / 4
        } else {
            waitingSince = nil
            if granted > inUse, now - neededAt < idleTime(settings) { want = granted }
        }
        if recall > 0 { want = max(0, inUse - recall) }
        want = isLeaving ? inUse : min(max(want, recall > 0 ? 0 : use), limit)
        waiting = 0
        isHinted = false
        hasNews = false
        frozen = min(allowance, use)
        claimedUse = use
        let done = transactions >= settings.quantumMessages
        return ["4", "\(limit)", "\(want)", "\(use)", done ? "1" : "0", "0", "0", "0"]
    }

    /// The store's answer to a question sent at `sentAt`.
    mutating func receive(_ answer: ArraySlice<Int64>, sentAt: Int64) {
        let a = Array(answer)
        guard a[0] == 4 else { return }
        let got = Int(min(max(0, a[1]), 1_000_000_000))
        if granted == 0, got > 0 { transactions = 0 }
        let yield = Int(min(max(0, a[2]), 1_000_000_000))
        // What was claimed and is not in use goes first, and the store should hear of it.
        let spared = min(yield, max(0, claimedUse - inUse))
        // Whoever waits here comes for them in a moment.
        if got > granted { neededAt = max(neededAt, sentAt) }
        granted = max(min(got, inUse), got - spared)
        if spared > 0 {
            isHinted = true
            hasNews = true
        }
        frozen = nil
        recall = min(yield - spared, inUse)
        claimed = min(claimed, recall)
        waiters = Int(min(max(0, a[3]), 1_000_000))
        used = Int(min(max(0, a[4]), 1_000_000_000))
        if granted > 0 || inUse == 0 { leasedAt = sentAt }
        storeGoneAt = nil
        if granted > inUse { waitingSince = nil }
    }

    /// The store does not run: nobody can be granted anything, so what is held stays held, as long as the lease was good when this began.
    mutating func storeIsGone(now: Int64, settings: ClusterSettings) {
        if now < leaseEnd(settings) - settings.closeMargin { storeGoneAt = now }
    }
}
