import Options
import Policy
import Shaping
import Testing

@Suite struct RedisTests {
    static let open = "local c = require('redis').open{node = 'redis://h', response_timeout = '250ms'} "

    private static func evaluate(
        _ lua: String, reply: PolicyRedisReply = .null, host: TestHost = TestHost(), limits: PolicyLimits = PolicyLimits()
    ) -> Result<ConfigValue, PolicyError>? {
        host.reply = .success(reply)
        return PolicyEngine.evaluate(open + lua, host: host, limits: limits)
    }

    @Test func query() throws {
        let host = TestHost()
        let engine = try load(
            Self.open
                + """
                kumo.on('smtp_server_ehlo', function(name)
                  local n = c:query('INCRBY', name, 5, 10 / 4, 6 / 2, -1)
                  local ok, e = pcall(c.query, c, 'GET', name)
                  return {n, ok, e}
                end)
                """, host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, [.string("k")]) { outcome = $0 }
        #expect(outcome == nil && engine.suspendedCalls == 1)
        let (request, answer) = host.queries[0]
        #expect(request.parts.map { String(decoding: $0, as: UTF8.self) } == ["INCRBY", "k", "5", "2.5", "3", "-1"])
        #expect(request.server.urls == ["redis://h"] && request.timeout == .milliseconds(250) && request.keyIndex == 1)
        answer(.success(.integer(7)))
        answer(.success(.integer(8)))  // a second answer is ignored
        #expect(outcome == nil && host.queries.count == 2)
        host.queries[1].completion(.failure(.failed(message: "timed out")))
        #expect(outcome == .success(.list([.integer(7), .bool(false), .string("init.lua:3: conn:query: timed out")])))
    }

    struct Reply: CustomTestStringConvertible {
        let reply: PolicyRedisReply
        let value: ConfigValue
        var testDescription: String { "\(reply)" }
    }

    @Test(arguments: [
        Reply(reply: .null, value: .null), Reply(reply: .integer(.min), value: .integer(.min)),
        Reply(reply: .bytes(Array("OK".utf8)), value: .string("OK")), Reply(reply: .bytes([]), value: .string("")),
        Reply(reply: .list([]), value: .table([:])),
        Reply(reply: .list([.integer(1), .list([.bytes([65])])]), value: .list([.integer(1), .list([.string("A")])])),
        Reply(reply: .list([.integer(1), .null, .integer(3)]), value: .table(["1": .integer(1), "3": .integer(3)])),
        Reply(reply: .list([.error("ERR no")]), value: .list([.table(["err": .string("ERR no")])])),
    ])
    func replies(_ reply: Reply) {
        #expect(Self.evaluate("return c:query('X')", reply: reply.reply) == .success(reply.value))
    }

    @Test func serverErrorsAreRaised() {
        let outcome = Self.evaluate("c:query('GET', 'k')", reply: .error("WRONGTYPE \r\nnot " + String(repeating: "x", count: 5000)))
        #expect(outcome?.errorText?.hasPrefix("init.lua:1: conn:query: Redis answered: WRONGTYPE   not xxx") == true)
        #expect((outcome?.errorText?.utf8.count ?? .max) < 600)
        #expect(Self.evaluate("return pcall(c.query, c, 'X')", reply: .error("ERR")) == .success(.bool(false)))
    }

    /// Every byte goes there and comes back.
    @Test func bytesAreBytes() {
        let host = TestHost()
        let all = [UInt8](0...255)
        let outcome = Self.evaluate(
            "local s = '' for i = 0, 255 do s = s .. string.char(i) end return c:query('SET', s, '') == s", reply: .bytes(all), host: host)
        #expect(outcome == .success(.bool(true)))
        #expect(host.queries[0].request.parts == [Array("SET".utf8), all, []])
    }

    @Test(arguments: [
        ("c:query()", "a command is required"), ("c.query('GET')", "call it on a connection of redis.open, with a colon"),
        ("c.query(msg, 'GET')", "call it on a connection of redis.open"), ("c.query({}, 'GET')", "call it on a connection of redis.open"),
        ("c:query('GET', nil)", "argument 2 must be a string or a number, not nil"),
        ("c:query('SET', 'k', true)", "argument 3 must be a string or a number, not a boolean"),
        ("c:query('SET', {}, 1)", "argument 2 must be a string or a number, not a table"),
        ("c:query('SET', msg)", "argument 2 must be a string or a number, not a message"),
        ("c:query('SET', c)", "argument 2 must be a string or a number, not a connection"),
        ("c:query('SET', kumo.make_queue_config{})", "argument 2 must be a string or a number, not a table"),
        ("c:query('SET', print)", "a function can not be used here"), ("c:query('SET', 0/0)", "not a number that is not finite"),
        ("c:query('')", "the command must be a name"), ("c:query('GET k')", "the command must be a name"),
        ("c:query(('x'):rep(65))", "the command must be a name"), ("c:query('\\0')", "the command must be a name"),
        ("c:query('multi')", "MULTI changes the connection"), ("c:query('SELECT', 1)", "SELECT changes the connection"),
        ("c:query('Subscribe', 'x')", "SUBSCRIBE changes the connection"), ("c:query('CLIENT', 'REPLY', 'OFF')", "CLIENT changes"),
        ("c:query('BLPOP', 'k', 0)", "BLPOP would block the connection"),
        ("c:query('XREAD', 'block', 0, 'STREAMS', 's', 0)", "XREAD would block"),
        (
            "c:query('GET', table.unpack(setmetatable({}, {__index = function() return 1 end}), 1, 1024))",
            "at most 1024 arguments; got 1025"
        ),
        ("c:query('SET', 'k', ('x'):rep(1 << 20))", "the command is larger than 1048576 bytes"),
        ("tostring(setmetatable({}, {__tostring = function() c:query('PING') end}))", "conn:query can not wait here"),
        ("c:get_meta('x')", "call it on the connection that a handler received"), ("c:qeury('X')", "did you mean 'query'?"),
        ("c:throttle()", "call it on a throttle"), ("require('redis').open('redis://h')", "redis.open: a table of options is required"),
        ("require('redis').open{node = 'h'}", "redis.open: redis: option 'node' must start with a scheme"),
        ("require('redis').open{node = 'redis://h', prefix = 'x'}", "option 'prefix' is unknown"),
        ("require('redis').open{node = 'redis://h', pool_sise = 1}", "did you mean 'pool_size'?"),
    ])
    func misuse(_ lua: String, _ message: String) {
        let host = TestHost()
        let outcome = Self.evaluate(lua, host: host)
        #expect(outcome?.errorText?.contains(message) == true, "\(String(describing: outcome))")
        #expect(outcome?.errorText?.contains("init.lua:1: ") == true && host.queries.isEmpty)
    }

    @Test(
        arguments: [
            ("'GET', 'k'", 1), ("'PING'", nil), ("'eval', 'return 1', 0", nil), ("'EVAL', 'return 1', 2, 'a', 'b', 'c'", 3),
            ("'EVALSHA', 'x', 1", nil), ("'XREAD', 'COUNT', 1, 'streams', 's', 0", 4), ("'XREAD', 'STREAMS', 'BLOCK', 0", 2),
            ("'BITOP', 'AND', 'd', 'a'", 2), ("'SCRIPT', 'LOAD', 'x'", nil), ("'SOMETHING.NEW', 'k'", 1), ("'GET'", nil),
            ("'KEYS', '*'", nil),
        ] as [(String, Int?)])
    func keys(_ arguments: String, _ index: Int?) {
        let host = TestHost()
        #expect(Self.evaluate("c:query(\(arguments))", host: host) == .success(.null))
        #expect(host.queries.count == 1 && host.queries[0].request.keyIndex == index)
    }

    @Test func equalOptionsShareAConnection() throws {
        let host = TestHost()
        host.reply = .success(.null)
        var limits = PolicyLimits()
        limits.redisConnections = 3
        let engine = try load(
            """
            local open = require('redis').open
            kumo.on('smtp_server_ehlo', function(n)
              for i = 1, 5000 do open{node = 'redis://h', pool_size = 10} open{node = {'redis://a', 'redis://b'}} end
              if n > 2 then open{node = 'redis://h', username = 'u' .. n} end
              open{node = 'redis://h'}:query('PING')
            end)
            """, host: host, limits: limits)
        for n in 0...3 { #expect(engine.now(.smtpServerEhlo, [.integer(n)]) == .success(.null)) }
        #expect(engine.now(.smtpServerEhlo, [.integer(3)]) == .success(.null))
        #expect(engine.now(.smtpServerEhlo, [.integer(4)])?.errorText == "init.lua:4: redis.open: too many different connections (limit 3)")
        #expect(host.queries.count == 5 && Set(host.queries.map(\.request.server)).count == 1)
    }

    /// A connection lives on in globals, unlike what a handler receives.
    @Test func connectionsOutliveHandlers() throws {
        let host = TestHost()
        host.reply = .success(.integer(1))
        let engine = try load(
            "kumo.on('smtp_server_ehlo', function() c = c or require('redis').open{node = 'redis://h'} return c:query('INCR', 'k') end)",
            host: host)
        for _ in 0..<3 { #expect(engine.now(.smtpServerEhlo) == .success(.integer(1))) }
    }

    @Test func unansweredQueryEnds() throws {
        let host = TestHost()
        let engine = try load(
            "kumo.on('smtp_server_ehlo', function() return require('redis').open{node = 'redis://h'}:query('PING') end)", host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        #expect(host.timers[0].after == .seconds(10) && host.queries[0].request.timeout == .seconds(5))
        host.fire(0)
        #expect(outcome?.errorText == "init.lua:1: conn:query: no answer")
        host.queries[0].completion(.success(.integer(1)))
        #expect(engine.suspendedCalls == 0)
    }

    @Test func hugeRepliesAreRefused() {
        var limits = PolicyLimits()
        limits.redisReplyBytes = 1000
        limits.valueNodes = 50
        limits.valueDepth = 5
        func nested(_ depth: Int) -> PolicyRedisReply { depth == 0 ? .integer(1) : .list([nested(depth - 1)]) }
        let cases: [(PolicyRedisReply, String?)] = [
            (.bytes([UInt8](repeating: 65, count: 984)), nil), (.bytes([UInt8](repeating: 65, count: 985)), "too many bytes"),
            (.list(.init(repeating: .null, count: 49)), nil), (.list(.init(repeating: .null, count: 62)), "too many parts"),
            (.list(.init(repeating: .bytes(.init(repeating: 65, count: 20)), count: 30)), "too many bytes"), (nested(5), nil),
            (nested(6), "nested too deeply"),
            (nested(300), "nested too deeply"), (.list([.error(String(repeating: "x", count: 1000))]), "too many bytes"),
        ]
        for (reply, problem) in cases {
            let outcome = Self.evaluate("return type(c:query('X'))", reply: reply, limits: limits)
            if let problem {
                #expect(outcome?.errorText?.contains("conn:query: the reply ") == true && outcome?.errorText?.contains(problem) == true)
            } else if case .failure(let error)? = outcome {
                Issue.record("\(error)")
            }
        }
    }

    /// A reply that is allowed and still too much for what is left of the state's memory ends the call, not the state.
    @Test func repliesCountAsMemory() throws {
        var limits = PolicyLimits()
        limits.memory = 4 << 20
        let host = TestHost()
        let engine = try load(
            Self.open + "kumo.on('smtp_server_ehlo', function(n) return #c:query('GET', n) end)", host: host, limits: limits)
        host.reply = .success(.bytes([UInt8](repeating: 65, count: 8 << 20)))
        #expect(engine.now(.smtpServerEhlo, [.string("a")]) == .failure(.outOfMemory))
        host.reply = .success(.list(.init(repeating: .list([.integer(1)]), count: 100_000)))
        #expect(engine.now(.smtpServerEhlo, [.string("b")]) == .failure(.outOfMemory))
        host.reply = .success(.bytes([65, 66]))
        #expect(engine.now(.smtpServerEhlo, [.string("c")]) == .success(.integer(2)))
        #expect(engine.suspendedCalls == 0)
    }

    /// A loop of queries that are answered at once is stopped by the running time, and one that waits by nothing but the answer.
    @Test func endlessQueriesAreStopped() throws {
        var limits = PolicyLimits()
        limits.runningTime = .milliseconds(60)
        let outcome = Self.evaluate("while true do c:query('PING') end", host: TestHost(), limits: limits)
        #expect(outcome == .failure(.timedOut(at: "init.lua:1")))
    }

    /// Answers that come at once are taken in a loop, not one on top of the other: 30,000 of them fit on any stack.
    @Test func manyImmediateAnswersNeedNoStack() throws {
        var limits = PolicyLimits()
        limits.runningTime = .seconds(30)
        let outcome = Self.evaluate("for i = 1, 30000 do c:query('PING') end return 'done'", host: TestHost(), limits: limits)
        #expect(outcome == .success(.string("done")))
    }

    @Test func closeEndsWaitingQueries() throws {
        let host = TestHost()
        let engine = try load(Self.open + "kumo.on('smtp_server_ehlo', function() c:query('PING') end)", host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        engine.close()
        #expect(outcome?.errorText?.contains("closed while smtp_server_ehlo waited") == true)
        host.queries[0].completion(.success(.null))
    }

    @Test func queriesLeakNothing() throws {
        let host = TestHost()
        host.reply = .success(.list([.integer(1), .bytes([65])]))
        let engine = try load(
            """
            kumo.on('smtp_server_ehlo', function(n)
              local c = require('redis').open{node = 'redis://h'}
              if n % 2 == 0 then error('x') end
              return c:query('GET', n)
            end)
            """,
            host: host)
        func round() {
            for n in 0..<2000 { _ = engine.now(.smtpServerEhlo, [.integer(n)]) }
            host.queries = []
            host.timers = []
        }
        round()
        let before = engine.collectGarbage()
        for _ in 0..<3 { round() }
        #expect(abs(engine.collectGarbage() - before) < 1024)
    }
}
