import NIOCore
import Synchronization

/// Who finds out that a slot is elsewhere, or that a server is gone. *Loop-confined.*
protocol ServerLinkOwner: AnyObject {
    /// A server of a Redis Cluster names another one for the call; the owner must finish the call.
    func redirected(_ call: Call, to redirection: Redirection, by link: ServerLink)
    /// The link has become usable, or is no longer.
    func changed(_ link: ServerLink)
}

/// The connection to one server, made again whenever it breaks. *Loop-confined.*
///
/// *Diagnostics*: nothing is sent twice, except a script the server did not know; a call whose connection breaks fails, since nobody
/// knows whether it was executed. The newest failure is kept in the counters.
final class ServerLink {
    /// Where the server is: asked before each attempt. The answer may come at once or later.
    typealias Locate = (@escaping (Result<RedisEndpoint, RedisFailure>) -> Void) -> Void

    private let setup: ConnectionSetup
    private let locate: Locate
    private let timer: DeadlineTimer
    private let waiting: WaitingCalls
    private var state = LinkState()
    private var dialogue: Dialogue?
    private var facts: ServerFacts?
    private var attempt = 0
    private var successes = 0
    /// Keeps a link alive that only waits for its last answers.
    private var retired: ServerLink?
    /// Where the newest attempt went.
    private(set) var endpoint: RedisEndpoint?
    weak var owner: (any ServerLinkOwner)?

    init(_ setup: ConnectionSetup, locate: @escaping Locate) {
        self.setup = setup
        self.locate = locate
        timer = DeadlineTimer(setup.eventLoop)
        waiting = WaitingCalls(setup.eventLoop)
        timer.fire = { [weak self] in
            guard let self else { return }
            act(state.timerFired(now: setup.eventLoop.nanoseconds))
        }
        waiting.onExpiry = { [weak self] count in self?.heldCallsExpired(count) }
    }

    /// Connects for the first time.
    func start() { act(state.start()) }

    /// Ends the connection for good; returns when the socket is closed.
    func close() -> EventLoopFuture<Void> {
        state.close()
        attempt += 1
        retired = nil
        timer.cancel()
        waiting.fail(.closed)
        guard let dialogue else { return setup.eventLoop.makeSucceededVoidFuture() }
        dialogue.onClose = nil
        dialogue.close(.closed, "")
        self.dialogue = nil
        facts = nil
        return dialogue.closeFuture
    }

    /// Ends the link when what is under way is answered; the server is no longer of use.
    func retire() {
        guard let dialogue, dialogue.pendingCount > 0 else {
            _ = close()
            return
        }
        // Whoever still waits has a deadline, so this ends.
        timer.fire = { [weak self] in
            guard let self else { return }
            retire()
        }
        timer.arm(at: setup.eventLoop.nanoseconds + 50_000_000)
        retired = self
    }

    /// The server is another one now: drops the connection and asks again where to go.
    func replace() {
        abandon(.disconnected, "the server was replaced")
        act(state.replaced())
    }

    /// Whether calls can go.
    var isReady: Bool { state.phase == .ready }
    /// The run id of the process at the other end; nil when not connected.
    var runID: String? { isReady ? facts?.runID : nil }
    /// When the host refused the newest attempt, by the loop's clock; nil when it did not.
    var refusedAt: Int64? { state.refusedAt }

    /// Sends the calls in one write, or lets them wait, or fails them.
    func submit(_ calls: [Call]) {
        switch state.admission {
        case .pass: write(calls)
        case .hold: waiting.add(calls)
        case .reject(let failure): for call in calls { call.finish(.failure(failure)) }
        }
    }

    private func write(_ calls: [Call]) {
        guard let dialogue, !calls.isEmpty else {
            for call in calls { call.finish(.failure(.disconnected)) }
            return
        }
        for call in calls {
            if let wanted = call.script?.runID, wanted != facts?.runID {
                call.finish(.failure(.runChanged))
                continue
            }
            if call.isAsking {
                call.isAsking = false
                dialogue.ask([Array("ASKING".utf8)], deadline: call.deadline) { _ in }
            }
            dialogue.ask(call.parts, deadline: call.deadline) { [self] result in answered(call, result) }
        }
        dialogue.flush()
    }

    private func answered(_ call: Call, _ result: Result<RedisValue, RedisFailure>) {
        switch result {
        case .failure(let failure):
            if failure == .timeout { setup.counters.timeouts.wrappingAdd(1, ordering: .relaxed) }
            call.finish(.failure(failure))
        case .success(.error(let text)):
            state.replied()
            refused(call, text)
        case .success(let value):
            state.replied()
            call.finish(.success(value))
        }
    }

    private func refused(_ call: Call, _ text: String) {
        if text.hasPrefix("NOSCRIPT"), call.script != nil, !call.sendsWholeText {
            call.sendsWholeText = true
            return submit([call])
        }
        if let redirection = Redirection(text) {
            guard let owner else { return call.finish(.failure(.moved)) }
            return owner.redirected(call, to: redirection, by: self)
        }
        if ServerAnswer.isNoLongerMaster(text) {
            setup.counters.note("\(endpoint.map(\.description) ?? "Redis"): \(ServerAnswer.bounded(text))")
            dialogue?.close(.disconnected, "the server is no longer a usable master")
        }
        call.finish(.failure(.server(ServerAnswer.bounded(text))))
    }

    // MARK: The connection

    private func act(_ action: LinkState.Action) {
        switch action {
        case .none: break
        case .connect: connect()
        case .probe: probe()
        case .ready:
            write(waiting.take())
            owner?.changed(self)
        case .wait(let until): timer.arm(at: until)
        }
    }

    private func connect() {
        attempt += 1
        let attempt = attempt
        locate { [weak self] result in
            guard let self, attempt == self.attempt else { return }
            switch result {
            case .success(let endpoint): dial(endpoint, attempt)
            case .failure(let failure): lost(failure, "no server is known: \(failure)")
            }
        }
    }

    private func dial(_ endpoint: RedisEndpoint, _ attempt: Int) {
        self.endpoint = endpoint
        setup.dialer.dial(endpoint) { [weak self] dialogue, failure, text in
            guard let self, attempt == self.attempt else {
                dialogue?.close(.closed, "")
                return
            }
            guard let dialogue else { return lost(failure, text) }
            self.dialogue = dialogue
            dialogue.onClose = { [weak self] failure, text in
                guard let self, attempt == self.attempt else { return }
                self.dialogue = nil
                facts = nil
                lost(failure, "\(endpoint): \(text)")
            }
            greet(dialogue, endpoint)
        }
    }

    private func greet(_ dialogue: Dialogue, _ endpoint: RedisEndpoint) {
        let deadline = setup.eventLoop.nanoseconds + setup.connectTimeout
        var handshake = setup.handshake()
        for step in handshake.steps {
            dialogue.ask(handshake.command(step), deadline: deadline) { [weak self] result in
                // A failure has closed the connection, which is told by onClose.
                guard let self, case .success(let value) = result, let outcome = handshake.received(value) else { return }
                switch outcome {
                case .success(let facts): greeted(facts)
                case .failure(let failure): abandonAndLose(failure, "\(endpoint): \(failure)")
                }
            }
        }
        dialogue.flush()
    }

    private func greeted(_ facts: ServerFacts) {
        self.facts = facts
        successes += 1
        if successes > 1 { setup.counters.reconnects.wrappingAdd(1, ordering: .relaxed) }
        act(state.connected())
    }

    private func probe() {
        dialogue?.ask([Array("PING".utf8)], deadline: setup.eventLoop.nanoseconds + setup.commandTimeout) { [weak self] result in
            guard let self, case .success = result else { return }
            act(state.probed())
        }
        dialogue?.flush()
    }

    /// Drops the connection without its end being taken for news.
    private func abandon(_ failure: RedisFailure, _ text: String) {
        attempt += 1
        let dialogue = self.dialogue
        self.dialogue = nil
        facts = nil
        dialogue?.onClose = nil
        dialogue?.close(failure, text)
    }

    private func abandonAndLose(_ failure: RedisFailure, _ text: String) {
        abandon(.disconnected, text)
        lost(failure, text)
    }

    private func lost(_ failure: RedisFailure, _ text: String) {
        setup.counters.note(ServerAnswer.bounded(text))
        counted { act(state.failed(failure, now: setup.eventLoop.nanoseconds, random: UInt64.random(in: 0 ... .max))) }
        waiting.fail(failure)
        owner?.changed(self)
    }

    private func heldCallsExpired(_ count: Int) {
        setup.counters.timeouts.wrappingAdd(count, ordering: .relaxed)
        counted { state.heldCallsExpired() }
    }

    private func counted(_ change: () -> Void) {
        let before = state.openings
        change()
        setup.counters.breakerOpenings.wrappingAdd(state.openings - before, ordering: .relaxed)
    }
}
