/// When to connect to a server, and whether calls may go there: backoff and circuit breaker. *State machine.*
///
/// After a failure the next attempt waits 50 ms, 100 ms, ... 2 s, of which a random part up to half is left out, until a command is
/// answered. `threshold` failures in a row open the breaker: calls fail at once, and it closes when the server answers a PING on a new
/// connection within the time of a command. Connecting alone proves nothing: a stopped process accepts connections.
struct LinkState {
    /// *Value.* Where the connection stands.
    enum Phase: Equatable {
        case idle
        case connecting
        /// Connected; the breaker is open and a PING is under way.
        case probing
        case ready
        case waiting(until: Int64)
        case closed
    }

    /// *Value.* What the driver has to do.
    enum Action: Equatable {
        case none
        case connect
        case probe
        /// The connection may be used; calls that wait can go.
        case ready
        /// Call `timerFired` at this time.
        case wait(until: Int64)
    }

    /// *Value.* What happens to a call now.
    enum Admission: Equatable {
        case pass
        case hold
        case reject(RedisFailure)
    }

    static let firstDelay: Int64 = 50_000_000
    static let longestDelay: Int64 = 2_000_000_000
    static let threshold = 3

    private(set) var phase = Phase.idle
    /// Failures in a row.
    private(set) var failures = 0
    /// Whether the breaker is open.
    private(set) var isOpen = false
    /// How often it has opened.
    private(set) var openings = 0
    /// Why the newest attempt failed; nil after a success.
    private(set) var lastFailure: RedisFailure?
    private var doublings = 0
    /// When the newest attempt was refused.
    private var refused: Int64?

    init() {}

    /// The client starts.
    mutating func start() -> Action {
        switch phase {
        case .idle:
            phase = .connecting
            return .connect
        case .connecting, .probing, .ready, .waiting, .closed: return .none
        }
    }

    /// The connection is made and the handshake done.
    mutating func connected() -> Action {
        switch phase {
        case .connecting:
            if isOpen {
                phase = .probing
                return .probe
            }
            return becomeReady()
        case .idle, .probing, .ready, .waiting, .closed: return .none
        }
    }

    /// The PING was answered in time.
    mutating func probed() -> Action {
        switch phase {
        case .probing:
            isOpen = false
            failures = 0
            return becomeReady()
        case .idle, .connecting, .ready, .waiting, .closed: return .none
        }
    }

    private mutating func becomeReady() -> Action {
        phase = .ready
        lastFailure = nil
        return .ready
    }

    /// A command was answered.
    mutating func replied() {
        switch phase {
        case .ready:
            failures = 0
            doublings = 0
        case .idle, .connecting, .probing, .waiting, .closed: break
        }
    }

    /// The attempt failed, or the connection ended. `random` decides the jitter.
    mutating func failed(_ failure: RedisFailure, now: Int64, random: UInt64) -> Action {
        switch phase {
        case .connecting, .probing, .ready:
            lastFailure = failure
            refused = failure == .refused ? now : nil
            count()
            let delay = min(Self.longestDelay, Self.firstDelay << Int64(doublings))
            doublings = min(doublings + 1, 10)
            let until = now + delay - Int64(random % UInt64(delay / 2))
            phase = .waiting(until: until)
            return .wait(until: until)
        case .idle, .waiting, .closed: return .none
        }
    }

    /// Calls that waited for the connection have come to their deadline.
    mutating func heldCallsExpired() {
        switch phase {
        case .connecting, .probing, .waiting: count()
        case .idle, .ready, .closed: break
        }
    }

    private mutating func count() {
        failures += 1
        guard failures >= Self.threshold, !isOpen else { return }
        isOpen = true
        openings += 1
    }

    /// The time of `wait` has come.
    mutating func timerFired(now: Int64) -> Action {
        switch phase {
        case .waiting(let until):
            guard now >= until else { return .wait(until: until) }
            phase = .connecting
            return .connect
        case .idle, .connecting, .probing, .ready, .closed: return .none
        }
    }

    /// The server is another one now: whatever there is is dropped, and the new one tried at once.
    mutating func replaced() -> Action {
        switch phase {
        case .connecting, .probing, .ready, .waiting:
            phase = .connecting
            lastFailure = nil
            return .connect
        case .idle, .closed: return .none
        }
    }

    /// The client ends.
    mutating func close() { phase = .closed }

    /// What happens to a call now.
    var admission: Admission {
        switch phase {
        case .ready: return .pass
        case .closed: return .reject(.closed)
        case .idle: return .hold
        case .connecting, .probing, .waiting:
            switch lastFailure {
            case .refused: return .reject(.refused)
            case .server(let text): return .reject(.server(text))
            case nil, .timeout, .disconnected, .breakerOpen, .runChanged, .moved, .closed, .tooLarge:
                return isOpen ? .reject(.breakerOpen) : .hold
            }
        }
    }

    /// When the newest attempt was refused by the host; nil when it was not.
    var refusedAt: Int64? { isRefused ? refused : nil }

    /// Whether the newest attempt was refused by the host.
    var isRefused: Bool {
        switch phase {
        case .connecting, .probing, .waiting: lastFailure == .refused
        case .idle, .ready, .closed: false
        }
    }
}
