import Options
import Policy
import Shaping
import Testing

@Suite struct ThrottleTests {
    static let free = PolicyThrottleResult(isThrottled: false, limit: 10, remaining: 9, resetAfter: .milliseconds(1500))
    static func blocked(_ retry: Duration?) -> PolicyThrottleResult {
        PolicyThrottleResult(isThrottled: true, limit: 10, remaining: 0, resetAfter: .seconds(6), retryAfter: retry)
    }

    private static func evaluate(_ lua: String, host: TestHost) -> Result<ConfigValue, PolicyError>? {
        PolicyEngine.evaluate("local t = kumo.make_throttle('tenant-a', '10/min,max_burst=2') " + lua, host: host)
    }

    @Test func results() {
        let host = TestHost()
        host.throttled = [Self.free, Self.blocked(.milliseconds(250))]
        #expect(
            Self.evaluate("return {t:throttle(), t:throttle(10)}", host: host)
                == .success(
                    .list([
                        .table(["throttled": .bool(false), "limit": .integer(10), "remaining": .integer(9), "reset_after": .number(1.5)]),
                        .table([
                            "throttled": .bool(true), "limit": .integer(10), "remaining": .integer(0), "reset_after": .number(6),
                            "retry_after": .number(0.25),
                        ]),
                    ])))
        #expect(host.takes == ["1 of tenant-a 10/m,max_burst=2", "10 of tenant-a 10/m,max_burst=2"])
    }

    @Test func sleepsUntilAdmitted() throws {
        let host = TestHost()
        let engine = try load(
            """
            kumo.on('smtp_server_ehlo', function()
              local t = kumo.make_throttle('t', '10/s')
              return {t:sleep_if_throttled(), t:sleep_if_throttled()}
            end)
            """,
            host: host)
        host.throttled = [
            Self.free, Self.blocked(.milliseconds(20)), Self.blocked(nil), Self.blocked(.zero), Self.blocked(.seconds(9999)), Self.free,
        ]
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        for wait in [Duration.milliseconds(20), .seconds(1), .milliseconds(1), .seconds(60)] {
            #expect(outcome == nil && host.timers.map(\.after) == [wait] && engine.suspendedCalls == 1)
            host.fire(0)
        }
        #expect(outcome == .success(.list([.bool(false), .bool(true)])))
        #expect(host.takes.count == 6 && host.timers.isEmpty)
    }

    /// A host that runs timers at once, while Lua is still on the stack.
    @Test func hostThatAnswersAtOnce() throws {
        let host = TestHost()
        host.isImmediate = true
        host.throttled = .init(repeating: Self.blocked(.seconds(1)), count: 20) + [Self.free]
        #expect(Self.evaluate("return t:sleep_if_throttled()", host: host) == .success(.bool(true)))
        #expect(host.takes.count == 21)
    }

    /// Nothing is taken for a handler that is gone.
    @Test func closeEndsTheWait() throws {
        let host = TestHost()
        host.throttled = [Self.blocked(.seconds(1))]
        let engine = try load("kumo.on('smtp_server_ehlo', function() kumo.make_throttle('t', '1/s'):sleep_if_throttled() end)", host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        engine.close()
        #expect(outcome?.errorText?.contains("closed while smtp_server_ehlo waited") == true)
        host.fire(0)
        #expect(host.takes.count == 1)
    }

    @Test func failuresAreRaised() throws {
        let host = TestHost()
        #expect(Self.evaluate("t:throttle()", host: host)?.errorText == "init.lua:1: throttle:throttle: the limiter is closed")
        #expect(
            Self.evaluate("t:sleep_if_throttled()", host: host)?.errorText
                == "init.lua:1: throttle:sleep_if_throttled: the limiter is closed")
        host.throttled = [Self.blocked(.seconds(1))]
        let engine = try load("kumo.on('smtp_server_ehlo', function() kumo.make_throttle('t', '1/s'):sleep_if_throttled() end)", host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        host.throttled = []
        host.fire(0)
        #expect(outcome?.errorText == "init.lua:1: throttle:sleep_if_throttled: the limiter is closed")
    }

    @Test(arguments: [
        ("10/min", "'t' 10/m: at most 10 in any 1m; 10 at once; shared by all nodes"),
        (
            "local:10/30min,max_burst=2",
            "'t' local:10/30m,max_burst=2: at most 10 in any 30m; 2 at once after a pause, then one every 3m; counted on this node alone"
        ),
        (
            "6,000/min,on_store_loss=floor:10/min",
            "'t' 6000/m,on_store_loss=floor:10/m: at most 6000 in any 1m; 240 at once after a pause, then one every"
        ),
    ])
    func explains(_ spec: String, _ text: String) {
        guard case .success(.string(let answer))? = PolicyEngine.evaluate("return kumo.make_throttle('t', '\(spec)'):explain()") else {
            Issue.record("no text")
            return
        }
        #expect(answer.hasPrefix(text), "\(answer)")
        #expect(answer.hasSuffix("without the store: floor:10/m") == spec.contains("floor"))
    }

    @Test(arguments: [
        ("t:throttle(0)", "the quantity must be a whole number from 1 to the limit (10)"), ("t:throttle(11)", "from 1 to the limit"),
        ("t:throttle('1')", "from 1 to the limit"), ("t:throttle(1.5)", "from 1 to the limit"),
        ("t.throttle()", "call it on a throttle of kumo.make_throttle"),
        ("t.throttle({name = 'x'})", "call it on a throttle"), ("t.throttle({name = 'x', spec = 'y'})", "'y' is not a rate"),
        ("t.name = 'a\\nb' t:throttle()", "without control characters"), ("t.spec = ('1'):rep(1 << 20) t:throttle()", "it is too long"),
        ("t.throttle(msg)", "call it on a throttle"), ("t:throtle()", "does not exist (did you mean 'throttle'?)"),
        ("t:delay_message_if_throttled(msg)", "throttle:delay_message_if_throttled is not supported yet by this version"),
        ("t:query('GET')", "call it on a connection of redis.open"), ("t:get_meta('x')", "call it on a connection"),
        ("tostring(setmetatable({}, {__tostring = function() t:sleep_if_throttled() end}))", "can not wait here"),
    ])
    func misuse(_ lua: String, _ message: String) {
        let host = TestHost()
        host.throttled = [Self.blocked(.seconds(1))]
        let outcome = Self.evaluate(lua, host: host)
        #expect(outcome?.errorText?.contains(message) == true, "\(String(describing: outcome))")
        #expect(outcome?.errorText?.contains("init.lua:1: ") == true)
        #expect(host.takes.isEmpty || lua.contains("__tostring"))
    }

    /// Throttles of any number of names cost nothing once they are dropped, and those that are kept stay good.
    @Test func throttlesAreCollected() throws {
        let host = TestHost()
        host.throttled = [Self.free]
        let engine = try load(
            """
            kept = kumo.make_throttle('kept', '1/s')
            kumo.on('smtp_server_ehlo', function(n)
              for i = 1, 1000 do kumo.make_throttle('tenant-' .. n .. i, '1/s'):throttle() end
              return kept:throttle().throttled
            end)
            """, host: host)
        #expect(engine.now(.smtpServerEhlo, [.integer(0)]) == .success(.bool(false)))
        let before = engine.collectGarbage()
        for n in 1...10 { #expect(engine.now(.smtpServerEhlo, [.integer(n)]) == .success(.bool(false))) }
        #expect(abs(engine.collectGarbage() - before) < 1024)
    }

    @Test func endlessTakesAreStopped() throws {
        var limits = PolicyLimits()
        limits.runningTime = .milliseconds(60)
        let host = TestHost()
        host.throttled = [Self.free]
        let engine = try load(
            "local t = kumo.make_throttle('t', '1/s') kumo.on('smtp_server_ehlo', function() while true do t:sleep_if_throttled() end end)",
            host: host, limits: limits)
        #expect(engine.now(.smtpServerEhlo) == .failure(.timedOut(at: "init.lua:1")))
    }
}
