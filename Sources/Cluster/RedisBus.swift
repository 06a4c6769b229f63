package import NIOCore
package import Redis
import Synchronization
import Telemetry

/// Everything this node says to Redis, in as few pipelines as the promise allows: at most one per `flushInterval`, plus urgent ones.
/// *Shared*; the exchange runs on the client's loop.
///
/// *Diagnostics*: what cannot be sent is answered with the client's failure; the queue is bounded and refuses beyond it.
package final class RedisBus: CommandBus {
    private let client: RedisClient
    private let loop: any EventLoop
    private let interval: Int64
    private let limits: ClusterLimits?
    private let waiting = Mutex<[Item]>([])
    private let isStopped = Atomic(false)
    private let state: NIOLoopBound<State>

    /// *Value*: one submission.
    private struct Item: Sendable {
        let commands: [RedisCommand]
        let scripts: [ScriptCall]
        let reply: @Sendable ([Result<RedisValue, RedisFailure>], [Result<RedisValue, RedisFailure>]) -> Void
    }

    /// *Loop-confined*: when the last pipeline left.
    private final class State {
        var flushedAt = Int64.min / 4
        var isScheduled = false
    }

    /// How many submissions may wait.
    private static let capacity = 10_000

    /// On the client's loop.
    package init(client: RedisClient, loop: any EventLoop, interval: Int64, limits: ClusterLimits?) {
        self.client = client
        self.loop = loop
        self.interval = interval
        self.limits = limits
        state = NIOLoopBound(State(), eventLoop: loop)
    }

    /// Begins to tick.
    package func start() {
        if let limits {
            limits.onNeed { [weak self] in self?.wake() }
            for (bucket, channel) in limits.hintChannels.enumerated() {
                client.subscribe(channel) { limits.hinted(bucket: bucket, $0, now: SystemClock.monotonicNanoseconds()) }
            }
        }
        tick()
    }

    /// Sends nothing more but what is submitted as urgent.
    package func stop() { isStopped.store(true, ordering: .releasing) }

    package func submit(
        _ commands: [RedisCommand], scripts: [ScriptCall], urgent: Bool,
        reply: @escaping @Sendable ([Result<RedisValue, RedisFailure>], [Result<RedisValue, RedisFailure>]) -> Void
    ) {
        let isFull = waiting.withLock { waiting in
            if waiting.count >= Self.capacity { return true }
            waiting.append(Item(commands: commands, scripts: scripts, reply: reply))
            return false
        }
        if isFull {
            return reply(
                Array(repeating: .failure(.breakerOpen), count: commands.count),
                Array(repeating: .failure(.breakerOpen), count: scripts.count))
        }
        if urgent { loop.execute { self.flush(includingLimits: false) } } else { wake() }
    }

    /// From any thread: a flush as soon as the interval allows.
    private func wake() {
        loop.execute { self.schedule() }
    }

    private func schedule() {
        let state = state.value
        guard !state.isScheduled else { return }
        let now = SystemClock.monotonicNanoseconds()
        let wait = state.flushedAt + interval - now
        guard wait > 0 else { return flush(includingLimits: true) }
        state.isScheduled = true
        loop.scheduleTask(in: .nanoseconds(wait)) {
            self.state.value.isScheduled = false
            self.flush(includingLimits: true)
        }
    }

    private func tick() {
        loop.scheduleTask(in: .nanoseconds(interval / 2)) { [weak self] in
            guard let self, !isStopped.load(ordering: .acquiring) else { return }
            if SystemClock.monotonicNanoseconds() - state.value.flushedAt >= interval { flush(includingLimits: true) }
            tick()
        }
    }

    private func flush(includingLimits: Bool) {
        let now = SystemClock.monotonicNanoseconds()
        // By the time of the refusal: since then the store may be back, and others may have been granted something.
        if let age = client.refusedAge { limits?.storeIsGone(now: now - age) }
        let calls =
            includingLimits && !isStopped.load(ordering: .acquiring)
            ? limits?.collect(now: now, runID: { self.client.runID(forKey: $0) }) ?? [] : []
        let items = waiting.withLock { waiting -> [Item] in
            defer { waiting.removeAll(keepingCapacity: true) }
            return waiting
        }
        guard !calls.isEmpty || !items.isEmpty else { return }
        state.value.flushedAt = now
        let commands = items.flatMap(\.commands)
        let scripts = calls.map(\.call) + items.flatMap(\.scripts)
        client.send(commands, scripts: scripts, timeout: nil) { [weak self] commandResults, scriptResults in
            guard let self else { return }
            let now = SystemClock.monotonicNanoseconds()
            for (call, result) in zip(calls, scriptResults) {
                limits?.answered(call, result, now: now)
            }
            var commandStart = 0
            var scriptStart = calls.count
            for item in items {
                item.reply(
                    Array(commandResults[commandStart..<commandStart + item.commands.count]),
                    Array(scriptResults[scriptStart..<scriptStart + item.scripts.count]))
                commandStart += item.commands.count
                scriptStart += item.scripts.count
            }
        }
    }

    /// Gives back every lease, for a node that stops; calls back on the loop.
    package func leave(_ done: @escaping @Sendable () -> Void) {
        loop.execute {
            self.isStopped.store(true, ordering: .releasing)
            let now = SystemClock.monotonicNanoseconds()
            let calls = self.limits?.collectLeave(now: now, runID: { self.client.runID(forKey: $0) }) ?? []
            guard !calls.isEmpty else { return done() }
            self.client.send([], scripts: calls, timeout: nil) { _, _ in done() }
        }
    }
}
