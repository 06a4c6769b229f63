package import NIOCore
internal import Redis
internal import Synchronization
internal import Telemetry

/// Counts events of the whole cluster, for the automation: "ten such replies in a minute" means on all nodes together, and the answer
/// to it is given once. *Shared*; its work is done on `loop`.
///
/// Counts are gathered here and told once a second; they stand in buckets of ten seconds of the store's clock. What is told twice
/// counts once. Windows reach back an hour at most.
///
/// Diagnostics: while the store is away, this node decides by what it counted itself, and claims for itself. Counts that cannot be
/// told within ten seconds are given up and counted as `lost`: told later, they would look like a burst.
package final class ClusterCounters: Sendable {
    private static let batch = 512
    private static let claimPatience: Int64 = 3_000_000_000

    /// What changes together.
    private struct Core: Sendable {
        var counts = CounterTable()
        var claims = ClaimTable()
        var isRunning = false
        var timer: RepeatedTask?
    }

    private let bus: any CommandBus
    private let loop: any EventLoop
    private let keys: ControlKeys
    private let core = Mutex(Core())
    /// Tells this process from all others, those of the same node before it too.
    private let teller = RandomWord.make()

    /// Counters in the store behind `bus`.
    package init(prefix: String, bus: any CommandBus, loop: any EventLoop) {
        self.bus = bus
        self.loop = loop
        keys = ControlKeys(prefix: prefix)
    }

    private var now: Int64 { Int64(loop.now.uptimeNanoseconds) }

    /// Begins to tell what is counted, once a second.
    package func start() {
        loop.execute {
            guard
                self.core.withLock({ core in
                    defer { core.isRunning = true }
                    return !core.isRunning
                })
            else { return }
            let timer = self.loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [weak self] _ in self?.flush() }
            self.core.withLock { $0.timer = timer }
        }
    }

    /// Ends; what was not told is lost.
    package func stop() {
        loop.execute {
            let timer = self.core.withLock { core in
                core.isRunning = false
                return core.timer.take()
            }
            timer?.cancel()
        }
    }

    /// Counts `amount` events of a series. Any thread; costs a lock and a few table look-ups.
    package func add(_ series: String, by amount: Int) {
        let now = now
        core.withLock { $0.counts.add(series, by: amount, now: now) }
    }

    /// Events that were counted here and could never be told.
    package var lost: Int { core.withLock { $0.counts.lost } }

    private func flush() {
        let now = now
        let tellings = core.withLock { $0.isRunning ? $0.counts.tellings(most: Self.batch, now: now) : [] }
        guard !tellings.isEmpty else { return }
        bus.submit([], scripts: tellings.map { call($0.series, $0, window: 0) }, urgent: false) { [weak self] _, results in
            self?.noteAnswers(tellings, results)
        }
    }

    private func call(_ series: String, _ telling: CounterTable.Telling?, window: Int64) -> ScriptCall {
        ScriptCall(
            script: CounterScripts.count, keys: [keys.count(series)],
            arguments: [
                teller, String(telling?.number ?? 0), String(telling?.amount ?? 0), String(CounterTable.kept / 1_000_000),
                String(window / 1_000_000),
            ], runID: nil)
    }

    private func noteAnswers(_ tellings: [CounterTable.Telling], _ results: [Result<RedisValue, RedisFailure>]) {
        core.withLock { core in
            for (index, telling) in tellings.enumerated() {
                if index < results.count, case .success(.integer) = results[index] {
                    core.counts.confirmed(telling)
                } else {
                    core.counts.failed(telling)
                }
            }
        }
    }

    /// Asks whether the cluster counted `threshold` events or more within `window`, which is at most an hour. `reply` is called once,
    /// on any thread; when the store is away it says what this node alone counted.
    package func crossed(_ series: String, window: Duration, threshold: Int, reply: @escaping @Sendable (Bool) -> Void) {
        let now = now
        let window = min(max(Self.nanoseconds(window), 1_000_000), CounterTable.kept)
        let (telling, waiting) = core.withLock { core in
            (core.counts.telling(series, now: now), core.counts.waiting(series))
        }
        bus.submit([], scripts: [call(series, telling, window: window)], urgent: false) { [weak self] _, results in
            guard let self else { return reply(false) }
            if let telling { self.noteAnswers([telling], results) }
            if case .success(.integer(let sum))? = results.first {
                return reply(sum >= Int64(threshold) - Int64(waiting))
            }
            let now = self.now
            reply(self.core.withLock { $0.counts.own(series, window: window, now: now) } >= threshold)
        }
    }

    /// Claims an action for this node: of all that claim it within `ttl` one gets true. While the store is away, each node that is cut
    /// off gets true once. `reply` is called once, on any thread.
    package func claim(_ action: String, ttl: Duration, reply: @escaping @Sendable (Bool) -> Void) {
        let now = now
        let life = max(Self.nanoseconds(ttl), 1_000_000)
        guard (1...256).contains(action.utf8.count), !core.withLock({ $0.claims.holds(action, now: now) }) else { return reply(false) }
        ask(action, as: RandomWord.make(), life: life, until: now + Self.claimPatience, reply: reply)
    }

    /// Asks with the same word until there is an answer: a claim whose answer was lost is found again.
    private func ask(_ action: String, as word: String, life: Int64, until: Int64, reply: @escaping @Sendable (Bool) -> Void) {
        let call = ScriptCall(
            script: CounterScripts.claim, keys: [keys.claim(action)], arguments: [word, String(life / 1_000_000)], runID: nil)
        bus.submit([], scripts: [call], urgent: false) { [weak self] _, results in
            guard let self else { return reply(false) }
            let now = self.now
            if case .success(.integer(let answer))? = results.first {
                guard answer == 1 else { return reply(false) }
                return reply(self.core.withLock { $0.claims.claim(action, for: life, now: now) })
            }
            guard now + 1_000_000_000 < until else {
                return reply(self.core.withLock { $0.claims.claim(action, for: life, now: now) })
            }
            self.loop.scheduleTask(in: .seconds(1)) { self.ask(action, as: word, life: life, until: until, reply: reply) }
        }
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let parts = duration.components
        guard parts.seconds < 1 << 32 else { return .max }
        return parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
    }
}
