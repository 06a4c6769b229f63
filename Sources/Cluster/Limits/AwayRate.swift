import Shaping

/// By what right a node spends without the store. *Value.*
struct AwayRight: Sendable, Equatable {
    enum Kind: Sendable, Equatable { case share, floor, local }

    var kind: Kind
    /// For `share`: parts of `BucketScript.whole`. For `floor` and `local`: nothing.
    var share: Int64
    /// How many nodes may be spending at the same time.
    var members: Int64
    /// The rate itself, for `floor`.
    var floor: ThrottleSpec?
    /// When logged limits may begin: a whole period after the store may have granted to others for the last time.
    var since: Int64
    /// The end of the right.
    var until: Int64

    /// What makes two rights the same stream.
    var limit: [Int64] { [share, members, Int64(floor?.limit ?? 0), floor?.periodNanoseconds ?? 0] }
}

/// A rate spent without the store: a part of it, or what `on_store_loss` allows. *State machine.*
struct AwayRate: Sendable {
    var right: AwayRight
    private var stream: RateStream?
    private var log: [Int64] = []
    private var logLimit = 0
    private let period: Int64
    private let slack: Int64

    /// - Parameter old: the rate under another right, whose slots still count.
    init(right: AwayRight, kind: RateKind, spec: ThrottleSpec, slack: Int64, replacing old: AwayRate?, now: Int64) {
        self.right = right
        self.slack = slack
        let own = right.kind == .floor ? (right.floor ?? spec) : spec
        let ownKind = right.kind == .floor ? RateKind(own) : kind
        // A fast clock makes a period short: kernels correct clocks by 500 ppm at most.
        period = own.periodNanoseconds + own.periodNanoseconds / 2000
        let part = right.kind == .share ? right.share : BucketScript.whole
        if ownKind == .log {
            logLimit = Int(Int64(own.limit) * part / BucketScript.whole)
            log = old?.log ?? []
        } else {
            // All that may spend at the same time begin with an empty bucket, and each may be one slot off at the edge of a window.
            let most = Double(own.limit) - Double(right.kind == .share ? right.members : 1) - 2
            let rate =
                most * 86_400e9 * 1000 / Double(period + ClusterSettings.tolerance(period: period)) * Double(part)
                / Double(BucketScript.whole)
            // What is owed under a former right stays owed.
            var stream = old?.stream ?? RateStream(slack: slack / 2)
            stream.setRate(Int64(max(0, min(rate, 1e15))), now: now)
            self.stream = stream
        }
    }

    /// A slot now, or when to try again; `nil` when there will be none.
    mutating func lease(_ want: Int, now: Int64) -> RateLease? {
        if stream != nil {
            guard let open = stream?.opening(now: now), open < right.until else { return nil }
            if open > now + 250_000_000 { return .retry(atNanoseconds: open) }
            guard stream?.spend(1, now: now, end: open) == 1 else { return nil }
            return .slots(RateSlots(firstOpen: open, interval: 1, tolerance: max(0, min(slack / 2, right.until - open)), count: 1))
        }
        guard logLimit > 0 else { return nil }
        let begin = right.since + period
        guard now >= begin else { return .retry(atNanoseconds: begin) }
        while let first = log.first, first + period < now { log.removeFirst() }
        guard log.count < logLimit else { return .retry(atNanoseconds: log[0] + period + 1) }
        let tolerance = max(0, min(20_000_000, right.until - now))
        log.append(now + tolerance)
        return .slots(RateSlots(firstOpen: now, interval: 1, tolerance: tolerance, count: 1))
    }
}
