internal import Platform

/// Answers that are known, asked for, or waiting to be asked for. *State machine.*
///
/// One flight per key whoever asks; at most `limit` flights at a time; the rest waits in order. Flights are started by the
/// owner with what `nextStart` hands out, and end with `finish`.
struct FlightTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    typealias Waiter = @Sendable (Value) -> Void

    /// What became of a question.
    enum Join {
        case hit(Value)
        /// The waiter is kept; the owner should look at `nextStart`.
        case joined
        /// Too many wait.
        case refused
    }

    private struct Flight {
        var waiters: [Waiter]
        let asked: MonotonicInstant
    }

    private let limit: Int
    private let maxWaiters: Int
    /// How long a key may wait for its start.
    private let maxWait: Duration
    private var cache: GenerationCache<Key, Value>
    private var flights: [Key: Flight] = [:]
    private var queue: [Key] = []
    private var queueHead = 0
    private var waiters = 0
    private(set) var running = 0
    private var isDraining = false

    init(limit: Int, capacity: Int, maxWaiters: Int, maxWait: Duration) {
        self.limit = max(limit, 1)
        self.maxWaiters = maxWaiters
        self.maxWait = maxWait
        self.cache = GenerationCache(capacity: capacity)
    }

    /// What is known, without asking.
    mutating func cached(_ key: Key, now: MonotonicInstant) -> Value? { cache.value(for: key, now: now) }

    mutating func join(_ key: Key, now: MonotonicInstant, waiter: @escaping Waiter) -> Join {
        if let value = cache.value(for: key, now: now) { return .hit(value) }
        guard waiters < maxWaiters else { return .refused }
        waiters += 1
        if flights[key] != nil {
            flights[key]?.waiters.append(waiter)
        } else {
            flights[key] = Flight(waiters: [waiter], asked: now)
            queue.append(key)
        }
        return .joined
    }

    /// Claims the right to start flights; false when another thread, or a caller further up the stack, holds it. It makes
    /// starting a loop instead of a recursion when answers come at once.
    mutating func beginDraining() -> Bool {
        guard !isDraining else { return false }
        isDraining = true
        return true
    }

    /// What to start next. When this says `nothing` the right to start has been given back.
    enum Next {
        case start(Key)
        /// The key waited too long; its waiters get a failure.
        case expired(Key, [Waiter])
        case nothing
    }

    mutating func nextStart(now: MonotonicInstant) -> Next {
        guard queueHead < queue.count, running < limit else {
            isDraining = false
            return .nothing
        }
        let key = queue[queueHead]
        queueHead += 1
        if queueHead == queue.count || queueHead > 1_024 && queueHead * 2 > queue.count {
            queue.removeFirst(queueHead)
            queueHead = 0
        }
        if let flight = flights[key], now - flight.asked > maxWait {
            flights[key] = nil
            waiters -= flight.waiters.count
            return .expired(key, flight.waiters)
        }
        running += 1
        return .start(key)
    }

    /// A flight ended. Kept until `expires`, unless that is nil. Returns who waits for it.
    mutating func finish(_ key: Key, _ value: Value, expires: MonotonicInstant?) -> [Waiter] {
        running -= 1
        if let expires { cache.insert(value, for: key, expires: expires) }
        guard let flight = flights.removeValue(forKey: key) else { return [] }
        waiters -= flight.waiters.count
        return flight.waiters
    }

    /// Keeps a value nobody flew for.
    mutating func insert(_ value: Value, for key: Key, expires: MonotonicInstant) {
        cache.insert(value, for: key, expires: expires)
    }

    /// Forgets what is known. Flights go on.
    mutating func forget() { cache.removeAll() }
}
