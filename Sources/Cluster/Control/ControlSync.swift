package import NIOCore
package import Redis
internal import Synchronization
internal import Telemetry

/// Keeps the control state of this node and the store alike. *Shared*; its work is done on `loop`.
///
/// The hash is the truth, the stream says what changed, the channel is a hint: a lost hint costs at most one poll. What this node has
/// issued is published until the store acknowledges it, in order; publishing the same change twice is harmless.
///
/// Diagnostics: a store that is away or answers with an error is tried again with the next poll; the first failure of a series and
/// the return are logged.
package final class ControlSync: Sendable {
    /// Subscribes to a channel; the function it is given is called with each message, and with [] after each new connection.
    package typealias Subscription = @Sendable (_ channel: String, _ onMessage: @escaping @Sendable ([UInt8]) -> Void) -> Void

    /// One batch of changes on its way.
    struct Publication: Sendable {
        var question: Int
        var asked: Int64
        var entries: [ControlEntry]
    }

    /// What changes together.
    struct Core: Sendable {
        var machine: ControlSyncMachine
        var publication: Publication?
        var publications = 0
        var wantsPublish = false
        var isRunning = false
        var isFailing = false
        var timer: RepeatedTask?
    }

    static let batch = 32
    static let batchBytes = 256 << 10
    static let events = 256
    static let partBytes = 1 << 20
    static let scanCount = 100
    static let streamLength = 10_000
    static let mostFields = ControlBounds.kept + 20_000

    let state: ControlState
    let bus: any CommandBus
    let loop: any EventLoop
    let keys: ControlKeys
    /// Signs what goes to the store and judges what comes from it; nil in a cluster without a secret.
    let seal: OrderSeal?
    let core: Mutex<Core>
    private let subscription: Subscription?
    private let interval: TimeAmount

    /// Joins `state` to the store behind `bus`. `subscribe` brings the hints; without it a change is heard of with the next poll.
    package init(
        state: ControlState, bus: any CommandBus, loop: any EventLoop, prefix: String, interval: TimeAmount = .seconds(2),
        seal: OrderSeal? = nil, subscribe: Subscription?
    ) {
        self.state = state
        self.bus = bus
        self.loop = loop
        self.interval = interval
        self.seal = seal
        keys = ControlKeys(prefix: prefix)
        subscription = subscribe
        let now = Self.now(loop)
        core = Mutex(Core(machine: ControlSyncMachine(now: now, jitter: Int64.random(in: 0..<ControlSyncMachine.wholeEvery / 4))))
    }

    /// The same, with the hints of `client`.
    package convenience init(
        state: ControlState, bus: any CommandBus, client: RedisClient, loop: any EventLoop, prefix: String,
        interval: TimeAmount = .seconds(2), seal: OrderSeal? = nil
    ) {
        self.init(state: state, bus: bus, loop: loop, prefix: prefix, interval: interval, seal: seal) { channel, onMessage in
            client.subscribe(channel, onMessage: onMessage)
        }
    }

    static func now(_ loop: any EventLoop) -> Int64 { Int64(loop.now.uptimeNanoseconds) }

    /// Begins: reads what the store has, and from then on stays up to date.
    package func start() {
        loop.execute {
            guard
                self.core.withLock({ core in
                    defer { core.isRunning = true }
                    return !core.isRunning
                })
            else { return }
            let node = self.state.node
            self.subscription?(self.keys.hints) { [weak self] message in
                // The own hint is no news; the position moves on with the next poll.
                if message.elementsEqual(node.utf8) { return }
                self?.wake()
            }
            self.state.onPending { [weak self] isUrgent in
                guard let self else { return }
                self.loop.execute { self.publish(isUrgent: isUrgent) }
            }
            let timer = self.loop.scheduleRepeatedTask(initialDelay: .zero, delay: self.interval) { [weak self] _ in self?.poll() }
            self.core.withLock { $0.timer = timer }
        }
    }

    /// Ends; answers that are still on their way have no effect.
    package func stop() {
        loop.execute {
            let timer = self.core.withLock { core in
                core.isRunning = false
                return core.timer.take()
            }
            timer?.cancel()
        }
    }

    /// Looks for changes now, and publishes what is owed. Every two seconds, and whenever somebody wishes it.
    package func poll() {
        guard loop.inEventLoop else { return loop.execute { self.poll() } }
        state.expire()
        wake()
        publish(isUrgent: false)
    }

    private func wake() {
        guard loop.inEventLoop else { return loop.execute { self.wake() } }
        let position = state.position
        let now = Self.now(loop)
        run(core.withLock { $0.isRunning ? $0.machine.wake(position: position, now: now) : [] })
    }

    // MARK: reading

    private func run(_ actions: [ControlSyncMachine.Action]) {
        for action in actions {
            switch action {
            case .read(let question, let position): read(question, from: position)
            case .scan(let question, let cursor): scan(question, cursor)
            case .losePosition: state.losePosition()
            case .advance(let position, let version, let isEnd): state.advance(to: position, highest: version, isEnd: isEnd)
            case .reconcile(let scan, let version):
                abandonPublication()
                state.reconcile(seen: scan.seen, position: scan.start, highest: version)
                publish(isUrgent: false)
            case .reportOverflow(let fields):
                Log.error(
                    "the store holds more under the key of the control plane than it ever writes: another program uses the same prefix",
                    ["key": keys.entries, "fields": fields])
            }
        }
    }

    private func read(_ question: Int, from position: ControlPosition?) {
        let call = ScriptCall(
            script: ControlScripts.read, keys: keys.control,
            arguments: [
                RandomWord.make(), position?.epoch ?? "", position?.event ?? "", String(Self.events), String(Self.partBytes),
            ], runID: nil)
        bus.submit([], scripts: [call], urgent: false) { [weak self] _, results in
            self?.onLoop { sync in
                guard sync.core.withLock({ $0.isRunning && $0.machine.awaits(question) }) else { return }
                guard case .success(let value)? = results.first, var reply = ControlReply(value) else {
                    return sync.failed(question, results.first)
                }
                sync.succeeded()
                let vetted = sync.vetted(reply.values)
                reply.values = vetted.values
                // Entries before the position: a crash between the two reads them again.
                sync.state.merge(reply.values)
                sync.state.owe(vetted.owed)
                let now = Self.now(sync.loop)
                sync.run(sync.core.withLock { $0.machine.received(reply, question: question, now: now) })
            }
        }
    }

    private func scan(_ question: Int, _ cursor: String) {
        let command = RedisCommand(["HSCAN", keys.entries, cursor, "COUNT", String(Self.scanCount)])
        bus.submit([command], scripts: [], urgent: false) { [weak self] results, _ in
            self?.onLoop { sync in
                guard sync.core.withLock({ $0.isRunning && $0.machine.awaits(question) }) else { return }
                guard case .success(let value)? = results.first, var reply = ScanReply(value) else {
                    return sync.failed(question, results.first)
                }
                let vetted = sync.vetted(reply.values)
                reply.values = vetted.values
                sync.state.merge(reply.values)
                sync.state.owe(vetted.owed)
                sync.purge(reply.values)
                let now = Self.now(sync.loop)
                sync.run(sync.core.withLock { $0.machine.received(reply, question: question, now: now) })
            }
        }
    }

    /// Removes from the store what ended more than an hour ago: by then it has ended by everybody's clock.
    private func purge(_ values: [StoredEntry]) {
        let limit = state.clock() &- ControlBounds.hour
        let ended = values.compactMap(\.entry).filter { $0.isExpired(byWall: limit) }
        guard !ended.isEmpty else { return }
        let call = ScriptCall(
            script: ControlScripts.purge, keys: keys.control,
            arguments: ended.flatMap { [$0.id, "\($0.version) \($0.node) "] }, runID: nil)
        bus.submit([], scripts: [call], urgent: false) { _, _ in }
    }

    func onLoop(_ body: @escaping @Sendable (ControlSync) -> Void) {
        if loop.inEventLoop { body(self) } else { loop.execute { body(self) } }
    }

    // MARK: failures

    private func failed(_ question: Int, _ result: Result<RedisValue, RedisFailure>?) {
        core.withLock { $0.machine.failed(question: question) }
        report(result)
    }

    /// Logs the first failure of a series.
    func report(_ result: Result<RedisValue, RedisFailure>?) {
        let isFirst = core.withLock { core in
            defer { core.isFailing = true }
            return !core.isFailing
        }
        guard isFirst else { return }
        let text =
            switch result {
            case .failure(let failure): failure.description
            case .success(.error(let text)): text
            case .success: "an answer that no script of ours gives"
            case nil: "no answer"
            }
        Log.warn("control plane cannot reach the store; rules issued here act here, and are published later", ["error": text])
    }

    func succeeded() {
        let wasFailing = core.withLock { core in
            defer { core.isFailing = false }
            return core.isFailing
        }
        if wasFailing { Log.info("control plane reaches the store again") }
    }
}
