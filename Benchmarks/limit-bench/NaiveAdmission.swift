import Shaping

/// One call per message: GCRA in Redis with the burst equal to the limit, which is what common libraries do. *Loop-confined.*
///
/// When Redis does not answer it waits and asks again, the cautious reading of such a library.
final class NaiveAdmission: RateAdmission {
    private let socket: RedisSocket
    private let spec: ThrottleSpec
    private var errors = 0
    private let script = NaiveScript(
        """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local period, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
        local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + interval
        local early = tat - period - now
        if early > 0 then return math.ceil(early) end
        redis.call('SET', KEYS[1], string.format('%.3f', tat), 'PX', math.ceil(period / 1000) + 1000)
        return 0
        """)

    init(spec: ThrottleSpec, url: String) throws(BenchError) {
        self.spec = spec
        socket = try RedisSocket(url: url)
    }

    func take(_ key: Int, now: Int64) -> LimitDecision {
        let period = Double(spec.periodNanoseconds) / 1000
        let answer = script.call(socket, keys: ["naive:\(key)"], arguments: ["\(period)", "\(period / Double(spec.limit))"])
        guard let answer else {
            errors += 1
            return .wait(untilNanoseconds: BenchClock.now() + 100_000_000)
        }
        return answer == 0 ? .granted : .wait(untilNanoseconds: BenchClock.now() + answer * 1000)
    }

    var cost: AdmissionCost { AdmissionCost(roundTrips: socket.commands, commands: socket.commands, errors: errors) }
    func close() {}
}

/// One call per connection: members of a sorted set with their expiry as score, asked for again every 200 ms while it is full.
/// *Loop-confined.*
final class NaivePermits: PermitAdmission {
    private let socket: RedisSocket
    private let cap: Int
    private let node: String
    private var held: [String] = []
    private var next = 0
    private var errors = 0
    private var renewAt: Int64 = 0
    private let acquire = NaiveScript(
        """
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
        if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
        redis.call('ZADD', KEYS[1], now + 15000, ARGV[2])
        return 1
        """)
    private let renew = NaiveScript(
        """
        local t = redis.call('TIME')
        return redis.call('ZADD', KEYS[1], 'XX', t[1] * 1000 + math.floor(t[2] / 1000) + 15000, ARGV[1])
        """)

    init(cap: Int, node: String, url: String) throws(BenchError) {
        self.cap = cap
        self.node = node
        socket = try RedisSocket(url: url)
    }

    func take(now: Int64) -> LimitDecision {
        next += 1
        let member = "\(node)-\(next)"
        switch acquire.call(socket, keys: ["naive:connections"], arguments: ["\(cap)", member]) {
        case 1?:
            held.append(member)
            return .granted
        case nil: errors += 1
        default: break
        }
        return .wait(untilNanoseconds: now + 200_000_000)
    }

    func give(now: Int64) {
        guard !held.isEmpty else { return }
        if socket.call(["ZREM", "naive:connections", held.removeFirst()]) == nil { errors += 1 }
    }

    func excess(now: Int64) -> Int {
        guard now >= renewAt else { return 0 }
        renewAt = now + 5_000_000_000
        for member in held where renew.call(socket, keys: ["naive:connections"], arguments: [member]) == nil { errors += 1 }
        return 0
    }

    var cost: AdmissionCost { AdmissionCost(roundTrips: socket.commands, commands: socket.commands, errors: errors) }
    func close() {}
}
