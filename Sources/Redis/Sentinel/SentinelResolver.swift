import NIOCore

/// Asks Sentinels where the master is, and goes on listening to the one that answered for `+switch-master`. *Loop-confined.*
///
/// *Diagnostics*: a Sentinel that is silent is passed over after half a second. When the one that is listened to goes away, another one is
/// asked; a different answer counts as a switch, so a lost message costs seconds, not the fail-over.
final class SentinelResolver {
    typealias Answer = (Result<RedisEndpoint, RedisFailure>) -> Void

    /// Nanoseconds for one Sentinel to connect and answer.
    static let patience: Int64 = 500_000_000
    /// Nanoseconds before another Sentinel is looked for.
    static let pause: Int64 = 1_000_000_000

    private let setup: ConnectionSetup
    private let timer: DeadlineTimer
    private var discovery: SentinelDiscovery
    private var connection: PushConnection?
    private var answer: Answer?
    private var isClosed = false
    /// Counts the questions: what belongs to an earlier one comes too late.
    private var asked = 0
    /// The master is another one now.
    var onSwitch: ((RedisEndpoint) -> Void)?

    init(_ setup: ConnectionSetup, discovery: SentinelDiscovery) {
        self.setup = setup
        self.discovery = discovery
        timer = DeadlineTimer(setup.eventLoop)
        timer.fire = { [weak self] in
            guard let self, !isClosed, connection == nil, answer == nil else { return }
            act(self.discovery.begin())
        }
    }

    /// Starts a round of questions; a round under way is given up.
    func resolve(_ answer: @escaping Answer) {
        guard !isClosed else { return answer(.failure(.closed)) }
        self.answer = answer
        drop()
        act(discovery.begin())
    }

    /// Ends it; an open question is not answered any more.
    func close() {
        isClosed = true
        timer.cancel()
        answer = nil
        onSwitch = nil
        drop()
    }

    private func drop() {
        connection?.close()
        connection = nil
    }

    private func act(_ action: SentinelDiscovery.Action) {
        switch action {
        case .ask(let sentinel): ask(sentinel)
        case .master(let endpoint):
            if let answer {
                self.answer = nil
                answer(.success(endpoint))
            } else {
                onSwitch?(endpoint)
            }
        case .giveUp(let failure):
            if let answer {
                self.answer = nil
                answer(.failure(failure))
            } else {
                timer.arm(at: setup.eventLoop.nanoseconds + Self.pause)
            }
        }
    }

    private func ask(_ sentinel: RedisEndpoint) {
        asked += 1
        let number = asked
        var hasLoggedIn = false
        let patience = min(Self.patience, setup.connectTimeout)
        let connection = PushConnection(setup.eventLoop, timeout: patience) { [weak self] replies in
            guard let self, let last = replies.last else { return .stop(.closed, "") }
            if case .error(let text) = last, text.hasPrefix("NOAUTH"), !hasLoggedIn, let credentials = setup.configuration.credentials {
                hasLoggedIn = true
                return .ask([credentials.command, discovery.question])
            }
            if case .error(let text) = last {
                let text = "\(sentinel): \(ServerAnswer.explained(text, setup.configuration.credentials))"
                return .stop(.server(text), text)
            }
            let action = discovery.answered(last)
            var isFound = false
            if case .master = action { isFound = true }
            // Not from inside the connection, which may have to go.
            setup.eventLoop.assumeIsolated().execute { [weak self] in
                guard let self, !isClosed, number == asked else { return }
                if !isFound { drop() }
                act(action)
            }
            return .subscribe(isFound ? ["+switch-master"] : [])
        }
        var hasAnswered = false
        connection.onSubscribed = { _ in hasAnswered = true }
        connection.onMessage = { [weak self] _, payload in
            guard let self, let endpoint = discovery.switched(payload) else { return }
            onSwitch?(endpoint)
        }
        connection.onClosed = { [weak self] _, text in
            guard let self, !isClosed else { return }
            setup.counters.note("Sentinel \(ServerAnswer.bounded(text))")
            self.connection = nil
            if hasAnswered {
                timer.arm(at: setup.eventLoop.nanoseconds + Self.pause)
            } else {
                act(discovery.failed())
            }
        }
        self.connection = connection
        connection.open(sentinel, dialer: setup.dialer(timeout: patience), question: [discovery.question])
    }
}
