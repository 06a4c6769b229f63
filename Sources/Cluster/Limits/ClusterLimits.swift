import Redis
package import Shaping
import Synchronization
import Telemetry

/// The limits of a cluster as the root of this node's limiters. *Shared*: one locked agent per bucket; the exchange with the store runs on
/// the loop of `RedisBus`, in the same pipelines as everything else.
///
/// It answers from what the node holds, at once, and never waits for the store.
///
/// *Diagnostics*: a store that does not answer is counted and shown as a mode; nothing here throws.
package final class ClusterLimits: LimitRoot {
    /// What all nodes of the cluster agree on.
    package let settings: ClusterSettings
    private let node: String
    private let cells: [AgentCell]
    private let holders = Mutex<[LimitKey: [any PermitHolder]]>([:])
    private let poke = Mutex<(@Sendable () -> Void)?>(nil)
    private let isPoked = Atomic(false)
    /// Until when nothing is granted because another node of the cluster has other settings; monotonic.
    private let conflictUntil = Atomic<Int64>(.min)

    /// - Parameters:
    ///   - node: the name under which the store knows this node; the same after a restart.
    ///   - incarnation: larger for each later process of the node, below 2^53.
    ///   - rememberedEpochs: of each bucket, what this node knew before a restart; empty for none.
    package init(_ settings: ClusterSettings, node: String, incarnation: UInt64, rememberedEpochs: [Int64]) {
        self.settings = settings
        self.node = node
        cells = (0..<max(1, settings.buckets)).map { bucket in
            AgentCell(
                BucketAgent(
                    settings, bucket: bucket, node: node, incarnation: incarnation,
                    rememberedEpoch: bucket < rememberedEpochs.count ? rememberedEpochs[bucket] : 0))
        }
    }

    private func cell(_ key: LimitKey) -> AgentCell { cells[BucketKey.bucket(of: key, buckets: cells.count)] }

    /// Calls `body` (from any thread) when there is something to send before the next tick.
    func onNeed(_ body: @escaping @Sendable () -> Void) { poke.withLock { $0 = body } }

    private func need() {
        guard !isPoked.exchange(true, ordering: .acquiringAndReleasing) else { return }
        poke.withLock { $0 }?()
    }

    // MARK: Limiters

    package func leaseRate(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64) -> RateLease {
        guard now >= conflictUntil.load(ordering: .relaxed) else { return .retry(atNanoseconds: now + 1_000_000_000) }
        let lease = cell(key).agent.withLock { $0.leaseRate(key, spec: spec, want: want, now: now) }
        if case .retry = lease { need() }
        return lease
    }

    package func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots) {
        let now = SystemClock.monotonicNanoseconds()
        cell(key).agent.withLock { $0.returnRate(key, spec: spec, slots: slots, now: now) }
    }

    package func leasePermits(_ key: LimitKey, limit: Int, want: Int, now: Int64) -> PermitLease {
        guard now >= conflictUntil.load(ordering: .relaxed) else { return .retry(atNanoseconds: now + 1_000_000_000) }
        let cell = cell(key)
        var lease = cell.agent.withLock { $0.leasePermits(key, limit: limit, want: want, now: now) }
        if case .retry = lease, surrender(key, to: cell, now: now) > 0 {
            lease = cell.agent.withLock { $0.leasePermits(key, limit: limit, want: 1, now: now) }
        }
        if case .retry = lease { need() }
        return lease
    }

    package func returnPermits(_ key: LimitKey, count: Int) {
        let now = SystemClock.monotonicNanoseconds()
        cell(key).agent.withLock { $0.returnPermits(key, count: count, now: now) }
    }

    package func enrol(_ holder: any PermitHolder, for key: LimitKey) {
        holders.withLock { $0[key, default: []].append(holder) }
    }

    package func withdraw(_ holder: any PermitHolder, for key: LimitKey) {
        holders.withLock { holders in
            holders[key]?.removeAll { $0 === holder }
            if holders[key]?.isEmpty == true { holders[key] = nil }
        }
    }

    /// Takes what the limiters of this node keep unused.
    private func surrender(_ key: LimitKey, to cell: AgentCell, now: Int64) -> Int {
        var count = 0
        for holder in holders.withLock({ $0[key] ?? [] }) { count += holder.surrender() }
        if count > 0 { cell.agent.withLock { $0.returnPermits(key, count: count, now: now) } }
        return count
    }

    package var leasesEnd: Bool { true }

    package func permitTerms(_ key: LimitKey, now: Int64) -> PermitTerms {
        cell(key).agent.withLock { $0.permitTerms(key, now: now) }
    }

    package func isLost(_ key: LimitKey, now: Int64) -> Bool {
        cell(key).agent.withLock { $0.isLost(now: now) }
    }

    package func isUndecided(_ key: LimitKey) -> Bool {
        cell(key).agent.withLock { $0.isUndecided(key) }
    }

    package func noteTransactions(_ key: LimitKey, count: Int) {
        cell(key).agent.withLock { $0.noteTransactions(key, count: count) }
    }

    package func claimRecall(_ key: LimitKey) -> Bool {
        cell(key).agent.withLock { $0.claimRecall(key) }
    }

    // MARK: Store

    /// The calls that are due; `runID` answers for a key. Each comes back through `answered`.
    func collect(now: Int64, runID: (String) -> String?) -> [LimitCall] {
        isPoked.store(false, ordering: .releasing)
        let isAny = cells.contains { cell in cell.agent.withLock { $0.nextRequestTime(now: now) <= now } }
        guard isAny else { return [] }
        return cells.enumerated().compactMap { index, cell in
            guard let run = runID(BucketKey.name(prefix: settings.prefix, bucket: index, "state")) else { return nil }
            guard let request = cell.agent.withLock({ $0.request(now: now, runID: run, isAlong: true) }) else { return nil }
            return LimitCall(bucket: index, sequence: request.sequence, call: Self.call(request, runID: run))
        }
    }

    /// The calls with which a node that stops gives back what it holds.
    func collectLeave(now: Int64, runID: (String) -> String?) -> [ScriptCall] {
        cells.indices.compactMap { index in
            guard let run = runID(BucketKey.name(prefix: settings.prefix, bucket: index, "state")) else { return nil }
            return Self.call(cells[index].agent.withLock { $0.leave(now: now, runID: run) }, runID: run)
        }
    }

    private static let script = RedisScript(BucketScript.text)

    private static func call(_ request: BucketRequest, runID: String) -> ScriptCall {
        ScriptCall(script: script, keys: request.keys, arguments: request.arguments, runID: runID)
    }

    /// What became of a call.
    func answered(_ call: LimitCall, _ result: Result<RedisValue, RedisFailure>, now: Int64) {
        let cell = cells[call.bucket]
        var answer: [Int64]?
        if case .success(.array(let values)) = result, values.count < 100_000 {
            answer = values.map { if case .integer(let number) = $0 { number } else { -1 } }
        }
        let scarce = cell.agent.withLock { agent -> [LimitKey] in
            if let answer {
                agent.received(answer, sequence: call.sequence, now: now)
            } else {
                agent.failed(sequence: call.sequence, now: now)
            }
            return agent.scarce
        }
        for key in scarce { _ = surrender(key, to: cell, now: now) }
        if answer?.first == 9 {
            let until = conflictUntil.exchange(now + 5_000_000_000, ordering: .relaxed)
            if until < now {
                Log.error(
                    "another node has other settings for the limits of this cluster: nothing is sent under shared limits until they agree",
                    ["compare": "buckets, horizon, share_ttl and permit_ttl of configure_redis_throttles"])
            }
        }
    }

    /// Where the store tells whose turn it is, by bucket.
    var hintChannels: [String] {
        cells.indices.map { BucketKey.name(prefix: settings.prefix, bucket: $0, "state") + ":wake" }
    }

    /// The store has told the nodes in `message`, separated by spaces, that permits came back.
    func hinted(bucket: Int, _ message: [UInt8], now: Int64) {
        guard cells.indices.contains(bucket), message.count <= 16_384 else { return }
        guard message.split(separator: 0x20).contains(where: { $0.elementsEqual(node.utf8) }) else { return }
        cells[bucket].agent.withLock { $0.hurry(now: now) }
        need()
    }

    /// The store's host refuses connections.
    func storeIsGone(now: Int64) {
        for cell in cells { cell.agent.withLock { $0.storeIsGone(now: now) } }
    }

    // MARK: Facts

    /// The epoch of each bucket as this node knows it; 0 for none.
    package var epochs: [Int64] { cells.map { cell in cell.agent.withLock { $0.epoch } } }

    /// Every limit in use on this node.
    package func snapshot(now: Int64) -> [LimitSnapshot] {
        cells.flatMap { cell in cell.agent.withLock { $0.snapshot(now: now) } }.sorted { $0.key.name < $1.key.name }
    }

    /// By what right the limits of each bucket are used.
    package func modes(now: Int64) -> [LimitMode] { cells.map { cell in cell.agent.withLock { $0.mode(now: now) } } }

    /// The counters of all buckets together.
    package var statistics: BucketStatistics {
        cells.map { cell in cell.agent.withLock { $0.statistics } }.reduce(into: BucketStatistics()) { sum, part in
            sum.answers += part.answers
            sum.failures += part.failures
            sum.epochChanges += part.epochChanges
            sum.leasesLost += part.leasesLost
            sum.malformed += part.malformed
            sum.closed += part.closed
        }
    }

    /// The part of each limit this node would have without the store, the least of the buckets, 0…1.
    package var share: Double { cells.map { cell in cell.agent.withLock { $0.shareFraction } }.min() ?? 0 }
}

/// An agent and its lock. *Shared.*
private final class AgentCell: Sendable {
    let agent: Mutex<BucketAgent>
    init(_ agent: BucketAgent) { self.agent = Mutex(agent) }
}

/// A call under way. *Value.*
struct LimitCall: Sendable {
    let bucket: Int
    let sequence: Int64
    let call: ScriptCall
}
