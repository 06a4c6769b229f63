import Glibc
import Options
import Policy
import Shaping
import Testing

/// Handlers that try to escape the limits: each ends in time, whatever it catches, and the state serves the next call.
@Suite struct EscapeTests {
    /// How a hostile handler ends.
    enum End: Sendable {
        /// With the time limit's error, and its line.
        case timedOut
        case outOfMemory
        /// With an ordinary error that contains this.
        case failed(String)
        /// With an answer, as what it asks for is less than it looks.
        case answers(ConfigValue)
    }

    /// A line of Lua, and how it ends.
    struct Attempt: Sendable, CustomTestStringConvertible {
        let lua: String
        let end: End
        init(_ lua: String, _ end: End) { (self.lua, self.end) = (lua, end) }
        var testDescription: String { lua }
    }

    static let endless = "function() while true do end end"
    static let evil = "'^(.-)%s*(.-)%s*(.-)%s*(.-)!$'"

    static let patterns = [
        Attempt("blanks:match(\(evil))", .failed("init.lua:3: pattern too complex")),
        Attempt("blanks:find(\(evil))", .failed("init.lua:3: pattern too complex")),
        Attempt("blanks:find('(.-)%s*(.-)%s*(.-)%s*(.-)!')", .failed("pattern too complex")),
        Attempt("for w in blanks:gmatch('(.-)%s*(.-)%s*(.-)%s*(.-)!') do end", .failed("init.lua:3: pattern too complex")),
        Attempt("blanks:gsub(\(evil), '')", .failed("init.lua:3: pattern too complex")),
        Attempt("blanks:gsub(\(evil), function() end)", .failed("init.lua:3: pattern too complex")),
        Attempt("('a'):rep(30):match(('a?'):rep(30) .. ('a'):rep(30))", .failed("pattern too complex")),
        Attempt("('a'):rep(100):match(('a*'):rep(100) .. 'b')", .failed("pattern too complex")),
        Attempt("('a'):rep(300):match(('a?'):rep(300))", .failed("pattern too complex: it has too many parts")),
        Attempt("('a'):rep(30000):match('.-.-.-.-b')", .failed("pattern too complex")),
        Attempt("while true do pcall(string.match, blanks, \(evil)) end", .timedOut),
        Attempt("coroutine.wrap(function() while true do pcall(string.find, blanks, \(evil)) end end)()", .timedOut),
        Attempt("('a'):rep(1000000):find('.-b')", .timedOut), Attempt("('a'):rep(1000000):match('a*b')", .timedOut),
        Attempt("('('):rep(1000000):find('%b()')", .timedOut), Attempt("('a'):rep(1000000):gsub('a*b', '')", .timedOut),
        Attempt("for w in ('a'):rep(1000000):gmatch('a*b') do end", .timedOut),
        Attempt("('x'):gsub('x', \(endless))", .timedOut),
        Attempt("('x'):gsub('x', setmetatable({}, {__index = \(endless)}))", .timedOut),
        Attempt("('x'):gsub('x', function() pcall(\(endless)) end)", .timedOut),
    ]

    static let tables = [
        Attempt("table.move({}, 1, 1 << 40, 2)", .timedOut), Attempt("table.move({}, -1 << 40, -1, 2)", .timedOut),
        Attempt("pcall(table.move, {}, 1, 1 << 40, 2) return 'x'", .timedOut),
        Attempt("return pcall(table.move, {}, 1, 1 << 40, 2)", .timedOut),
        Attempt("table.insert(setmetatable({}, {__len = function() return 1 << 40 end}), 1, 'x')", .timedOut),
        Attempt("table.remove(setmetatable({}, {__len = function() return 1 << 40 end}), 1)", .timedOut),
        Attempt("table.concat(setmetatable({}, {__len = function() return 1 << 40 end, __index = function() return '' end}))", .timedOut),
        Attempt(
            "table.sort(setmetatable({}, {__len = function() return 1 << 30 end, __index = \(endless), __newindex = rawset}))", .timedOut),
        Attempt("table.sort(setmetatable({}, {__len = function() return 1 << 40 end}))", .failed("array too big")),
        Attempt("table.sort({3, 1, 2}, \(endless))", .timedOut), Attempt("pcall(table.sort, {3, 1, 2}, \(endless))", .timedOut),
        Attempt("local t = setmetatable({}, {__lt = \(endless)}) table.sort({t, t})", .timedOut),
        Attempt("local t = {} for i = 1, 999 do t[i] = i end while true do table.sort(t, function() return true end) end", .timedOut),
        Attempt("table.unpack({}, 1, 1e8)", .failed("too many results to unpack")),
        Attempt("while true do pcall(table.unpack, {}, 1, 1e8) end", .timedOut),
        Attempt("while true do select('#', table.unpack({}, 1, 99999)) end", .timedOut),
        Attempt("return select('#', table.unpack({}, 1, 90000))", .answers(.integer(90_000))),
        Attempt("table.unpack(setmetatable({}, {__index = \(endless)}), 1, 2)", .timedOut),
        Attempt("local t = {} for i = 1, 400000 do t[i] = i end for i = 1, 400000 do t[i] = nil end while true do next(t) end", .timedOut),
    ]

    static let coroutines = [
        Attempt("coroutine.wrap(\(endless))() return 'the check was skipped'", .timedOut),
        Attempt("coroutine.resume(coroutine.create(\(endless))) return 'the check was skipped'", .timedOut),
        Attempt("pcall(coroutine.wrap(\(endless))) return 'the check was skipped'", .timedOut),
        Attempt("local c = coroutine.create(\(endless)) while true do coroutine.resume(c) end", .timedOut),
        Attempt("local function nest(n) if n == 0 then while true do end end coroutine.wrap(nest)(n - 1) end nest(50)", .timedOut),
        Attempt("table.sort({3, 1, 2}, function() coroutine.wrap(\(endless))() end)", .timedOut),
        Attempt("tostring(setmetatable({}, {__tostring = function() coroutine.wrap(\(endless))() end}))", .timedOut),
        Attempt("coroutine.wrap(function() pcall(\(endless)) coroutine.yield(1) end)() return 'x'", .timedOut),
        Attempt("coroutine.wrap(function() table.sort({1, 2}, \(endless)) end)() return 'x'", .timedOut),
        Attempt("local function co() return coroutine.wrap(co)() end return co()", .failed("C stack overflow")),
        Attempt("coroutine.close(coroutine.running())", .failed("cannot close a running coroutine")),
        Attempt("return coroutine.isyieldable()", .answers(.bool(false))),
        Attempt(
            "local c = coroutine.create(function() local v <close> = closer(\(endless)) coroutine.yield() end) coroutine.resume(c) coroutine.close(c)",
            .timedOut),
        Attempt("coroutine.wrap(function() local v <close> = closer(\(endless)) error('x') end)()", .timedOut),
        Attempt(
            "local function make() return coroutine.create(function() local v <close> = closer(function() local c = make() coroutine.resume(c) assert(coroutine.close(c)) end) coroutine.yield() end) end local c = make() coroutine.resume(c) assert(coroutine.close(c))",
            .failed("")),
    ]

    static let catching = [
        Attempt("while true do pcall(\(endless)) end", .timedOut), Attempt("repeat local ok = pcall(error) until false", .timedOut),
        Attempt("xpcall(\(endless), \(endless))", .timedOut), Attempt("xpcall(function() error('x') end, \(endless))", .timedOut),
        Attempt("return select(2, xpcall(error, function() return 'handled' end))", .answers(.string("handled"))),
        Attempt("local v <close> = closer(\(endless)) while true do end", .timedOut),
        Attempt("while true do pcall(function() local v <close> = closer(\(endless)) error('x') end) end", .timedOut),
        Attempt("error(setmetatable({}, {__tostring = \(endless)}))", .timedOut),
        Attempt("error(setmetatable({}, {__tostring = function() error('again') end}))", .failed("again")),
        Attempt("tostring(setmetatable({}, {__tostring = \(endless)}))", .timedOut),
        Attempt("print(setmetatable({}, {__tostring = \(endless)}))", .timedOut),
        Attempt("kumo.log_info(setmetatable({}, {__tostring = \(endless)}))", .timedOut),
        Attempt("load(\(endless))", .timedOut), Attempt("load(function() return ' ' end) return 'x'", .answers(.string("x"))),
        Attempt("load(('a = a or '):rep(100000))", .failed("load: the text is larger than 64 KiB")),
        Attempt("while true do load('return ' .. ('('):rep(150) .. '1' .. (')'):rep(150)) end", .timedOut),
        Attempt("package.preload.x = \(endless) require 'x'", .timedOut),
        Attempt("setmetatable({}, {__gc = \(endless)})", .failed("__gc can not be used")),
        Attempt("return setmetatable({}, {__index = \(endless)}).x", .timedOut),
        Attempt("local t = setmetatable({}, {__eq = \(endless)}) return t == setmetatable({}, getmetatable(t))", .timedOut),
        Attempt("for k in pairs(setmetatable({}, {__pairs = \(endless)})) do end", .timedOut),
        Attempt("for k in \(endless) do end", .timedOut), Attempt("local function f() return f() end f()", .timedOut),
        Attempt("local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return t.x", .failed("C stack overflow")),
        Attempt("local function f() return ('x'):gsub('x', f) end f()", .failed("C stack overflow")),
        Attempt("local function f() table.sort({1, 2}, f) end f()", .failed("C stack overflow")),
        Attempt("kumo.json_encode(setmetatable({}, {__index = \(endless)})) return 'x'", .answers(.string("x"))),
    ]

    static let large = [
        Attempt("local s = ('x'):rep(1e9)", .outOfMemory), Attempt("while true do pcall(string.rep, 'x', 1e9) end", .outOfMemory),
        Attempt("local s = ('x'):rep(1, ('y'):rep(1e9))", .outOfMemory),
        Attempt("local s = 'x' while true do s = s .. s end", .outOfMemory),
        Attempt("while true do local s = ('x'):rep(6e6) end", .timedOut),
        Attempt("while true do pcall(function() local t = {} while true do t[#t + 1] = ('x'):rep(9e6) end end) end", .outOfMemory),
        Attempt("pcall(string.rep, 'x', 1e9) return 'x'", .outOfMemory),
        Attempt("xpcall(string.rep, print, 'x', 1e9) return 'x'", .outOfMemory),
        Attempt("coroutine.resume(coroutine.create(function() return ('x'):rep(1e9) end)) return 'x'", .outOfMemory),
        Attempt("pcall(coroutine.wrap(function() local t = {} while true do t[#t + 1] = ('x'):rep(1e6) end end)) return 'x'", .outOfMemory),
        Attempt("pcall(function() local s = 'x' while true do s = s .. s end end) return 'x'", .outOfMemory),
        Attempt("return #(''):rep(1 << 60)", .answers(.integer(0))), Attempt("('x'):rep(1 << 62)", .failed("resulting string too large")),
        Attempt("('x'):rep(1 << 40, ('y'):rep(1000))", .outOfMemory),
        Attempt("local a, b = ('x'):rep(3e6), ('x'):rep(3e6) while true do local c = a == b end", .timedOut),
        Attempt("local a, b = ('x'):rep(3e6), ('x'):rep(3e6) while true do local c = a < b end", .timedOut),
        Attempt("local a = ('1'):rep(3e6) while true do local c = a + 1 end", .timedOut),
        Attempt("local a = ('1'):rep(3e6) while true do local c = tonumber(a) end", .timedOut),
        Attempt("local a = ('x'):rep(2e6) while true do a:upper() end", .timedOut),
        Attempt("local a = ('x'):rep(6e6) while true do utf8.len(a) end", .timedOut),
        Attempt("while true do ('%s'):format(('x'):rep(1e6)) end", .timedOut),
        Attempt("('%q'):format(('\\0'):rep(2e6))", .failed("%q of more than")),
        Attempt("('%99999d'):format(1)", .failed("invalid conversion")),
        Attempt("string.pack('c1000000000', '')", .failed("too large")), Attempt("string.packsize(('i'):rep(1e6))", .failed("longer than")),
        Attempt("os.date(('%c'):rep(1e6))", .failed("longer than")), Attempt("while true do collectgarbage() end", .timedOut),
        Attempt("while true do collectgarbage('step', 1 << 30) end", .timedOut),
        Attempt("return kumo.json_parse('[' .. ('1,'):rep(1e6) .. '1]')", .failed("larger than 1024 KiB")),
        Attempt("local t = {} for i = 1, 300000 do t[i] = 1 end kumo.json_encode(t)", .failed("too large")),
        Attempt("while true do pcall(kumo.json_parse, '[' .. ('1,'):rep(1e5) .. '1]') end", .timedOut),
        Attempt("while true do msg:get_data() end", .timedOut),
    ]

    static var limits: PolicyLimits {
        var limits = PolicyLimits()
        limits.memory = 32 << 20
        limits.runningTime = .milliseconds(150)
        limits.holdTime = .milliseconds(40)
        return limits
    }

    private static func threadTime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    @Test(arguments: patterns + tables + coroutines + catching + large)
    func ends(_ attempt: Attempt) throws {
        let host = TestHost()
        host.holdsPauses = true
        let engine = try load(
            """
            blanks = (' '):rep(200) function closer(f) return setmetatable({}, {__close = f}) end
            kumo.on('http_message_generated', function(msg, x) if x == 1 then return 'fine' end
            \(attempt.lua)
            end)
            """, host: host, limits: Self.limits)
        let fine = Result<ConfigValue, PolicyError>.success(.string("fine"))
        var outcome: Result<ConfigValue, PolicyError>?
        var start = Self.threadTime()
        var longest: Int64 = 0
        engine.call(.httpMessageGenerated, [.message(TestMessage())]) { outcome = $0 }
        while outcome == nil, !host.pauses.isEmpty {
            longest = max(longest, Self.threadTime() - start)
            // Others are served while the handler is paused.
            var served: Result<ConfigValue, PolicyError>?
            engine.call(.httpMessageGenerated, [.null, .integer(1)]) { served = $0 }
            // On a slow machine even this one may pause, for the garbage it has to clear away first.
            var turns = 0
            while served == nil, !host.pauses.isEmpty, turns < 40 {
                turns += 1
                host.pauses.removeFirst()()
            }
            #expect(served == fine)
            guard outcome == nil, !host.pauses.isEmpty else { break }
            start = Self.threadTime()
            host.pauses.removeFirst()()
        }
        longest = max(longest, Self.threadTime() - start)
        // Generous, as this is an unoptimized build; what is checked is the order of magnitude: not the whole running time, not seconds.
        #expect(longest < 2_000_000_000, "\(longest)")
        switch (attempt.end, outcome) {
        case (.timedOut, .failure(.timedOut(let at))?): #expect(at == "init.lua:3")
        case (.outOfMemory, .failure(.outOfMemory)?): break
        case (.failed(let text), .failure(.failed(let message, _))?): #expect(text.isEmpty || message.contains(text), "\(message)")
        case (.answers(let value), .success(let answer)?): #expect(answer == value)
        default: Issue.record("\(String(describing: outcome))")
        }
        for _ in 0..<3 { #expect(engine.now(.httpMessageGenerated, [.null, .integer(1)]) == fine) }
        #expect(engine.suspendedCalls == 0 && engine.pausedCalls == 0)
        #expect(engine.collectGarbage() < 4 << 20)
    }

    /// Every event has the same limits, and the state survives each.
    @Test(arguments: PolicyEvent.allCases.filter { $0 != .`init` && $0 != .preInit })
    func everyEvent(_ event: PolicyEvent) throws {
        let engine = try load(
            "kumo.on('\(event.rawValue)', function() coroutine.wrap(\(Self.endless))() return {} end)", limits: Self.limits)
        for _ in 0..<3 { #expect(engine.now(event) == .failure(.timedOut(at: "init.lua:1"))) }
    }

    @Test(arguments: ["init", "pre_init"])
    func loadingEvents(_ event: String) {
        var limits = Self.limits
        limits.loadingTime = .milliseconds(60)
        for lua in ["while true do end", "pcall(coroutine.wrap(\(Self.endless)))", "pcall(table.move, {}, 1, 1 << 40, 2)"] {
            #expect(throws: PolicyError.timedOut(at: "init.lua:1")) {
                try load("kumo.on('\(event)', function() \(lua) end)", limits: limits)
            }
            #expect(throws: PolicyError.timedOut(at: "init.lua:1")) { try load(lua, limits: limits) }
        }
    }

    /// What one handler left behind can not hurt the next one.
    @Test func deadCoroutinesStayDead() throws {
        let engine = try load(
            """
            local closer = setmetatable({}, {__close = function() while true do end end})
            kumo.on('http_message_generated', function(x)
              if x == 1 then return {pcall(coroutine.close, saved)} elseif x == 2 then return {coroutine.resume(saved)} elseif x == 3 then return coroutine.status(saved) end
              saved = coroutine.create(function() local v <close> = closer if x == 4 then while true do end end table.sort({1, 2}, function() tostring(setmetatable({}, {__tostring = function() while true do end end})) end) end)
              coroutine.resume(saved)
            end)
            """, limits: Self.limits)
        for kind in 4...5 {
            guard case .failure(.timedOut)? = engine.now(.httpMessageGenerated, [.integer(kind)]) else {
                Issue.record("the handler should have run out of time")
                continue
            }
            #expect(
                engine.now(.httpMessageGenerated, [.integer(1)])
                    == .success(.list([.bool(false), .string("cannot close a normal coroutine")])))
            #expect(
                engine.now(.httpMessageGenerated, [.integer(2)])
                    == .success(.list([.bool(false), .string("cannot resume non-suspended coroutine")])))
            #expect(engine.now(.httpMessageGenerated, [.integer(3)]) == .success(.string("normal")))
        }
    }

    @Test func timeoutsLeakNothing() throws {
        var limits = Self.limits
        limits.runningTime = .milliseconds(3)
        let engine = try load(
            """
            kumo.on('http_message_generated', function(msg, i)
              local t = {} for n = 1, 1000 do t[n] = {n, msg} end
              if i % 3 == 0 then while true do end elseif i % 3 == 1 then coroutine.wrap(function() while true do end end)() end
              table.sort(t, function() while true do end end)
            end)
            """, limits: limits)
        func round() { for i in 0..<60 { _ = engine.now(.httpMessageGenerated, [.message(TestMessage()), .integer(i)]) } }
        round()
        let before = engine.collectGarbage()
        for _ in 0..<3 { round() }
        #expect(abs(engine.collectGarbage() - before) < 64 << 10)
    }
}
