/// When to ask for the topology of a Redis Cluster, and whom. *State machine.*
///
/// It is asked at the start, whenever something shows that it has changed (at most every 100 ms), and every 15 s in any case. A server
/// that fails to answer is passed over; after a round without an answer there is a pause that doubles up to 2 s.
struct TopologyRefresh {
    /// *Value.* What the driver has to do.
    enum Action: Equatable {
        case none
        case ask(RedisEndpoint)
        /// Call `timerFired` at this time.
        case wait(until: Int64)
    }

    static let interval: Int64 = 15_000_000_000
    static let shortest: Int64 = 100_000_000
    static let longest: Int64 = 2_000_000_000

    private var candidates: [RedisEndpoint] = []
    private var isAsking = false
    private var isNeeded = false
    private var pause = shortest
    /// Nothing is asked before.
    private var earliest = Int64.min
    /// When to ask although nothing happened.
    private var due = Int64.min
    private(set) var lastFailure: RedisFailure?

    init() {}

    /// Something shows that the topology is not known, or no longer.
    mutating func needed(now: Int64, candidates: @autoclosure () -> [RedisEndpoint]) -> Action {
        isNeeded = true
        return step(now, candidates())
    }

    /// The time of `wait` has come.
    mutating func timerFired(now: Int64, candidates: @autoclosure () -> [RedisEndpoint]) -> Action { step(now, candidates()) }

    private mutating func step(_ now: Int64, _ candidates: @autoclosure () -> [RedisEndpoint]) -> Action {
        guard !isAsking else { return .none }
        guard isNeeded || now >= due else { return .wait(until: due) }
        guard now >= earliest else { return .wait(until: earliest) }
        isNeeded = false
        isAsking = true
        self.candidates = candidates()
        return next(now)
    }

    private mutating func next(_ now: Int64) -> Action {
        guard !candidates.isEmpty else {
            isAsking = false
            isNeeded = true
            earliest = now + pause
            pause = min(pause * 2, Self.longest)
            return .wait(until: earliest)
        }
        return .ask(candidates.removeFirst())
    }

    /// The server that was asked cannot answer.
    mutating func failed(_ failure: RedisFailure, now: Int64) -> Action {
        guard isAsking else { return .none }
        lastFailure = failure
        return next(now)
    }

    /// The topology is known.
    mutating func succeeded(now: Int64) -> Action {
        isAsking = false
        lastFailure = nil
        pause = Self.shortest
        earliest = now + Self.shortest
        due = now + Self.interval
        return .wait(until: isNeeded ? earliest : due)
    }
}
