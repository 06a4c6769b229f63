import Options
import Policy
import Shaping
import Testing

@Suite struct LimitTests {
    static var tight: PolicyLimits {
        var limits = PolicyLimits()
        limits.memory = 8 << 20
        limits.runningTime = .milliseconds(60)
        limits.loadingTime = .milliseconds(60)
        return limits
    }

    @Test(arguments: [
        "while true do end", "while true do pcall(function() while true do end end) end", "repeat local ok = pcall(error) until false",
        "local function f() return f() end f()", "while true do coroutine.wrap(function() while true do end end)() end",
        "while true do local c = coroutine.create(function() while true do end end) coroutine.resume(c) end",
        "pcall(pcall, function() while true do end end) while true do end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "table.sort({3, 1, 2}, function() xpcall(function() while true do end end, function() while true do end end) end)",
        "table.sort({3, 1, 2}, function() while true do pcall(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) error(x) end) end end)",
        "for i = 1, math.huge do local s = ('x'):rep(10) end", "while true do msg:get_meta('x') end",
        "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end",
    ])
    func endlessLoop(_ lua: String) throws {
        let engine = try load(
            "kumo.on('http_message_generated', function(msg, x)\n if x == 1 then return 'fine' end\n \(lua)\nend)", limits: Self.tight)
        let outcome = engine.now(.httpMessageGenerated, [.message(TestMessage())])
        guard case .failure(.timedOut(let at))? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(at == "init.lua:3")
        for _ in 0..<3 { #expect(engine.now(.httpMessageGenerated, [.null, .integer(1)]) == .success(.string("fine"))) }
    }

    @Test func closingVariablesAreTimedToo() throws {
        let engine = try load(
            "kumo.on('http_message_generated', function(x) if x then return 'fine' end local v <close> = setmetatable({}, {__close = function() while true do end end}) error('first') end)",
            limits: Self.tight)
        #expect(engine.now(.httpMessageGenerated)?.errorText == "init.lua:1: first")
        for _ in 0..<3 { #expect(engine.now(.httpMessageGenerated, [.integer(1)]) == .success(.string("fine"))) }
    }

    @Test func endlessLoopAtLoad() {
        #expect(throws: PolicyError.timedOut(at: "init.lua:2")) { try load("\nwhile true do end", limits: Self.tight) }
    }

    @Test func waitingDoesNotCount() throws {
        let host = TestHost()
        let engine = try load(
            "kumo.on('smtp_server_ehlo', function(n) kumo.sleep(1) while true do end end)", host: host, limits: Self.tight)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        let clock = ContinuousClock()
        let waited = clock.now + .milliseconds(80)
        while clock.now < waited {}
        #expect(outcome == nil)
        host.fire(0)
        #expect(outcome == .failure(.timedOut(at: "init.lua:1")))
    }

    @Test func theBudgetCoversAllRuns() throws {
        let host = TestHost()
        host.isImmediate = true
        let engine = try load(
            "kumo.on('smtp_server_ehlo', function(n) while true do for i = 1, 100000 do end kumo.sleep(0) end end)", host: host,
            limits: Self.tight)
        #expect(engine.now(.smtpServerEhlo) == .failure(.timedOut(at: "init.lua:1")))
    }

    @Test(arguments: [
        "local s = ('x'):rep(1 << 30)", "local t = {} for i = 1, 1e9 do t[i] = i end", "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t = {t, msg:get_data()} end", "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
        "big = {} for i = 1, 1e9 do big[i] = {i} end", "return ('x'):rep(5 << 20) .. ('x'):rep(5 << 20)",
    ])
    func outOfMemory(_ lua: String) throws {
        var limits = Self.tight
        limits.runningTime = .seconds(20)
        let engine = try load(
            "kumo.on('http_message_generated', function(msg, x)\n if x == 1 then big = nil return 'fine' end\n \(lua)\nend)", limits: limits
        )
        #expect(engine.now(.httpMessageGenerated, [.message(TestMessage())]) == .failure(.outOfMemory))
        #expect(engine.memory <= 8 << 20)
        for _ in 0..<3 { #expect(engine.now(.httpMessageGenerated, [.null, .integer(1)]) == .success(.string("fine"))) }
        #expect(engine.collectGarbage() < 1 << 20)
    }

    @Test func hugeMessageDoesNotFit() throws {
        let message = TestMessage()
        message.data = [UInt8](repeating: 65, count: 16 << 20)
        #expect(PolicyEngine.evaluate("return #msg:get_data()", message: message, limits: Self.tight) == .failure(.outOfMemory))
        #expect(PolicyEngine.evaluate("return #msg:get_data()", message: message) == .success(.integer(16 << 20)))
    }

    @Test func outOfMemoryAtLoad() {
        #expect(throws: PolicyError.outOfMemory) { try load("x = ('x'):rep(1 << 30)", limits: Self.tight) }
    }

    /// Memory runs out at many different points of the same call.
    @Test func memoryRunsOutAnywhere() throws {
        var (answered, refused) = (0, 0)
        for extra in stride(from: 0, to: 200_000, by: 1_009) {
            var limits = PolicyLimits()
            limits.memory = 1 << 20
            let engine = try load(
                """
                local fill = {}
                local function grow(bytes) while bytes > 0 do fill[#fill + 1] = ('x'):rep(1000) .. #fill bytes = bytes - 1080 end end
                kumo.on('http_message_generated', function(msg, extra)
                  grow(extra)
                  local t = {}
                  for i = 1, 50 do t[i] = {msg:get_meta('x'), kumo.json_encode{i}, msg:recipient().user, msg:get_data()} end
                  return t
                end)
                """, limits: limits)
            let outcome = engine.now(.httpMessageGenerated, [.message(TestMessage()), .integer(1_060_000 - extra)])
            switch outcome {
            case .success: answered += 1
            case .failure(.outOfMemory): refused += 1
            default: Issue.record("\(extra): \(String(describing: outcome))")
            }
            engine.close()
        }
        #expect(answered > 10 && refused > 10, "\(answered) \(refused)")
    }

    @Test func deepRecursion() throws {
        let engine = try load(
            """
            local function deep(n) return 1 + deep(n + 1) end
            local function viaC(n) return ('x'):gsub('x', function() return viaC(n + 1) end) end
            kumo.on('http_message_generated', function(kind)
              if kind == 1 then return deep(1) elseif kind == 2 then return viaC(1) elseif kind == 3 then return setmetatable({}, {__index = function(t, k) return t[k] end}).x
              elseif kind == 4 then local function co() return coroutine.wrap(co)() end return co() end
              return 'fine'
            end)
            """)
        for kind in 1...4 {
            let text = engine.now(.httpMessageGenerated, [.integer(kind)])?.errorText ?? ""
            #expect(text.contains("overflow") || text.contains("nil value"), "\(kind): \(text)")
            #expect(engine.now(.httpMessageGenerated, [.integer(0)]) == .success(.string("fine")))
        }
    }

    @Test func callsLeakNothing() throws {
        let host = TestHost()
        host.isImmediate = true
        let engine = try load(
            """
            kumo.on('http_message_generated', function(msg, i)
              if i % 10 == 0 then error({i}) elseif i % 10 == 1 then kumo.reject(550, 'no') elseif i % 10 == 2 then kumo.sleep(1) error('after') end
              msg:set_meta('tenant', 't' .. i)
              kumo.sleep(0)
              return {msg:get_meta('tenant'), i}
            end)
            """, host: host)
        let message = TestMessage()
        func round() { for i in 0..<2_000 { _ = engine.now(.httpMessageGenerated, [.message(message), .integer(i)]) } }
        round()
        let before = engine.collectGarbage()
        for _ in 0..<5 { round() }
        #expect(abs(engine.collectGarbage() - before) < 1024)
        #expect(engine.suspendedCalls == 0)
    }

    @Test func aBurstGivesItsThreadsBack() throws {
        let host = TestHost()
        let engine = try load("kumo.on('smtp_server_ehlo', function() kumo.sleep(1) end)", host: host)
        let before = engine.collectGarbage()
        for _ in 0..<5_000 { engine.call(.smtpServerEhlo, []) { _ in } }
        let during = engine.collectGarbage()
        while !host.timers.isEmpty { host.fire(host.timers.count - 1) }
        let after = engine.collectGarbage()
        #expect(during - before > 1 << 20 && after - before < 256 << 10, "\(before) \(during) \(after)")
        for _ in 0..<200 { engine.call(.smtpServerEhlo, []) { _ in } }
        while !host.timers.isEmpty { host.fire(0) }
        #expect(engine.suspendedCalls == 0)
    }
}
