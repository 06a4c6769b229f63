import NIOCore

/// The channels a client listens on, over one connection of their own that is made again when it breaks. *Loop-confined.*
///
/// *Diagnostics*: messages sent while there is no connection are lost; each listener gets an empty message when it may have missed some.
final class Subscription {
    private let setup: ConnectionSetup
    private let endpoint: () -> RedisEndpoint?
    private let timer: DeadlineTimer
    private var state = LinkState()
    private var listeners: [String: [([UInt8]) -> Void]] = [:]
    private var connection: PushConnection?
    private var isListening = false

    init(_ setup: ConnectionSetup, endpoint: @escaping () -> RedisEndpoint?) {
        self.setup = setup
        self.endpoint = endpoint
        timer = DeadlineTimer(setup.eventLoop)
        timer.fire = { [weak self] in
            guard let self else { return }
            act(state.timerFired(now: setup.eventLoop.nanoseconds))
        }
    }

    /// Adds a listener.
    func add(_ channel: String, _ listener: @escaping ([UInt8]) -> Void) {
        let isNew = listeners[channel] == nil
        listeners[channel, default: []].append(listener)
        if isListening {
            if isNew { connection?.subscribe(channel) } else { listener([]) }
        }
        act(state.start())
    }

    /// Ends it.
    func close() {
        state.close()
        timer.cancel()
        connection?.close()
        connection = nil
        listeners = [:]
    }

    private func act(_ action: LinkState.Action) {
        switch action {
        case .none, .ready: break
        case .connect: connect()
        // Calls do not come here: the breaker has nothing to protect.
        case .probe: act(state.probed())
        case .wait(let until): timer.arm(at: until)
        }
    }

    private func connect() {
        guard let endpoint = endpoint() else { return lost(.disconnected) }
        let connection = PushConnection(setup.eventLoop, timeout: setup.connectTimeout) { [weak self] replies in
            guard let self else { return .stop(.closed, "") }
            for case .error(let text) in replies where !text.hasPrefix("NOPERM") {
                let text = ServerAnswer.explained(text, setup.configuration.credentials)
                return .stop(.server(text), text)
            }
            isListening = true
            return .subscribe(listeners.keys.sorted())
        }
        connection.onSubscribed = { [weak self] channel in
            guard let self else { return }
            act(state.connected())
            state.replied()
            for listener in listeners[channel] ?? [] { listener([]) }
        }
        connection.onMessage = { [weak self] channel, payload in
            guard let self else { return }
            for listener in listeners[channel] ?? [] { listener(payload) }
        }
        connection.onClosed = { [weak self] failure, text in
            guard let self else { return }
            setup.counters.note("subscription: \(ServerAnswer.bounded(text))")
            self.connection = nil
            lost(failure)
        }
        self.connection = connection
        let handshake = setup.handshake()
        let question = handshake.steps.filter { $0 == .auth || $0 == .setName }.map { handshake.command($0) }
        connection.open(endpoint, dialer: setup.dialer, question: question)
    }

    private func lost(_ failure: RedisFailure) {
        isListening = false
        act(state.failed(failure, now: setup.eventLoop.nanoseconds, random: UInt64.random(in: 0 ... .max)))
    }
}
