import Options
import Policy
import Shaping
import Testing

/// A handler that runs for long goes on in later turns of its loop.
@Suite struct PauseTests {
    private static let loop = "kumo.on('http_message_generated', function(n, body) local s = 0 for i = 1, n do s = s + 1 end return s end)"

    private static var eager: PolicyLimits {
        var limits = PolicyLimits()
        limits.slice = .nanoseconds(1)
        limits.runningTime = .seconds(60)
        return limits
    }

    @Test func oneSlicePerTurn() throws {
        let host = TestHost()
        host.holdsPauses = true
        let engine = try load(Self.loop, host: host, limits: Self.eager)
        var answers: [Int: Result<ConfigValue, PolicyError>] = [:]
        for i in 1...20 {
            engine.call(.httpMessageGenerated, [.integer(i * 10_000)]) {
                #expect(answers[i] == nil)
                answers[i] = $0
            }
        }
        #expect(engine.pausedCalls == 20 && host.pauses.count == 1)
        var turns = 0
        while !host.pauses.isEmpty {
            // Never more than one turn is asked for, however many handlers are paused.
            #expect(host.pauses.count == 1)
            host.pauses.removeFirst()()
            turns += 1
        }
        #expect(turns > 100)
        for i in 1...20 { #expect(answers[i] == .success(.integer(Int64(i * 10_000)))) }
    }

    @Test func firstComeFirstServed() throws {
        let host = TestHost()
        host.holdsPauses = true
        let engine = try load(Self.loop, host: host, limits: Self.eager)
        var order: [Int] = []
        for i in 1...5 { engine.call(.httpMessageGenerated, [.integer(100_000)]) { _ in order.append(i) } }
        while !host.pauses.isEmpty { host.pauses.removeFirst()() }
        #expect(order == [1, 2, 3, 4, 5])
    }

    /// A handler that needs a few slices does not wait for all those that run until their time is over.
    @Test func longRunnersGoLast() throws {
        var limits = PolicyLimits()
        limits.runningTime = .seconds(60)
        let host = TestHost()
        host.holdsPauses = true
        let engine = try load(Self.loop, host: host, limits: limits)
        for _ in 0..<50 { engine.call(.httpMessageGenerated, [.integer(1 << 60)]) { _ in } }
        for _ in 0..<50 * 30 { host.pauses.removeFirst()() }
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.httpMessageGenerated, [.integer(200_000)]) { outcome = $0 }
        var turns = 0
        while outcome == nil, turns < 200 {
            host.pauses.removeFirst()()
            turns += 1
        }
        #expect(outcome == .success(.integer(200_000)))
        // The ones before it have every fourth turn, not fifty for each of its own.
        #expect(turns < 60, "\(turns)")
        engine.close()
    }

    @Test func hostThatGoesOnAtOnce() throws {
        let engine = try load(Self.loop, limits: Self.eager)
        #expect(engine.now(.httpMessageGenerated, [.integer(10_000_000)]) == .success(.integer(10_000_000)))
    }

    @Test func closeEndsPausedHandlers() throws {
        let host = TestHost()
        host.holdsPauses = true
        let engine = try load(Self.loop, host: host, limits: Self.eager)
        var outcomes: [String] = []
        for _ in 0..<3 { engine.call(.httpMessageGenerated, [.integer(1_000_000)]) { outcomes.append($0.errorText ?? "an answer") } }
        engine.close()
        #expect(outcomes.count == 3 && outcomes.allSatisfy { $0.contains("closed while http_message_generated waited") })
        host.pauses.removeFirst()()
    }

    /// The objects a handler was given stay valid while it is paused, and are gone afterwards.
    @Test func objectsWhilePaused() throws {
        let host = TestHost()
        host.holdsPauses = true
        let engine = try load(
            "kumo.on('http_message_generated', function(msg) if kept then return pcall(kept.id, kept) end kept = msg for i = 1, 100000 do end return msg:id() end)",
            host: host, limits: Self.eager)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.httpMessageGenerated, [.message(TestMessage())]) { outcome = $0 }
        #expect(outcome == nil)
        while !host.pauses.isEmpty { host.pauses.removeFirst()() }
        #expect(outcome == .success(.string(TestMessage().id)))
        engine.call(.httpMessageGenerated, [.null]) { outcome = $0 }
        #expect(outcome == .success(.bool(false)))
    }

    /// Waiting works in coroutines of the policy, in comparisons, replacements and iterators.
    @Test(
        arguments: [
            ("return coroutine.wrap(function() kumo.sleep(1) return 'a' end)()", 1, ConfigValue.string("a")),
            (
                "local c = coroutine.wrap(function() kumo.sleep(1) coroutine.yield(1) kumo.sleep(1) return 2 end) return {c(), c()}", 2,
                .list([.integer(1), .integer(2)])
            ),
            (
                "local ok, e = coroutine.resume(coroutine.create(function() kumo.sleep(1) error('x', 0) end)) return {ok, e}", 1,
                .list([.bool(false), .string("x")])
            ),
            (
                "local function nest(n) if n == 0 then kumo.sleep(1) return 'deep' end return coroutine.wrap(nest)(n - 1) end return nest(20)",
                1, .string("deep")
            ),
            (
                "local t = {3, 1, 2} table.sort(t, function(a, b) kumo.sleep(1) return a < b end) return t", 3,
                .list([.integer(1), .integer(2), .integer(3)])
            ),
            ("return (('xyz'):gsub('.', function(c) kumo.sleep(1) return c .. c end))", 3, .string("xxyyzz")),
            (
                "for v in coroutine.wrap(function() for i = 1, 3 do kumo.sleep(1) coroutine.yield(i) end end) do last = v end return last",
                3, .integer(3)
            ),
            (
                "return select(2, pcall(coroutine.wrap(function() local r = http.get('ftp://x') end)))", 0,
                .string("init.lua:1: http.get: the URL must start with http:// or https:// and have no spaces")
            ),
        ] as [(String, Int, ConfigValue)])
    func waitingInCoroutines(_ lua: String, _ waits: Int, _ answer: ConfigValue) throws {
        let host = TestHost()
        let engine = try load("kumo.on('http_message_generated', function(msg) \(lua) end)", host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.httpMessageGenerated, [.null]) { outcome = $0 }
        for _ in 0..<waits {
            #expect(outcome == nil)
            host.fire(0)
        }
        #expect(outcome == .success(answer))
    }

    /// A coroutine that waits, or the one of a handler, belongs to the engine: nobody else can continue it.
    @Test func waitingCoroutinesAreNotResumed() throws {
        let host = TestHost()
        let engine = try load(
            """
            kumo.on('smtp_server_ehlo', function() own = coroutine.running() co = coroutine.create(function() kumo.sleep(1) return 'done' end) return select(2, coroutine.resume(co)) end)
            kumo.on('http_message_generated', function()
              local out = {}
              for i, c in ipairs{own, co} do
                local ok, why = coroutine.resume(c, true, 'stolen')
                out[i] = coroutine.status(c) .. ' ' .. why .. ' ' .. tostring(pcall(coroutine.close, c))
              end
              return out
            end)
            """, host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        let refused = ConfigValue.string("normal cannot resume non-suspended coroutine false")
        #expect(engine.now(.httpMessageGenerated) == .success(.list([refused, refused])))
        #expect(outcome == nil)
        host.fire(0)
        #expect(outcome == .success(.string("done")))
    }

    /// The time of all slices counts, and the time between them does not.
    @Test func slicesAddUp() throws {
        var limits = PolicyLimits()
        limits.runningTime = .milliseconds(50)
        let host = TestHost()
        host.holdsPauses = true
        let engine = try load("kumo.on('http_message_generated', function() while true do end end)", host: host, limits: limits)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.httpMessageGenerated, []) { outcome = $0 }
        var turns = 0
        while !host.pauses.isEmpty {
            host.pauses.removeFirst()()
            turns += 1
        }
        #expect(outcome == .failure(.timedOut(at: "init.lua:1")))
        #expect(turns > 5 && turns < 100, "\(turns)")
    }
}
