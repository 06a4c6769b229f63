import CLua
import Options
import Policy
import Shaping
import Testing

/// Our own string, table and coroutine functions against Lua's, on random arguments: the same results, the same errors.
@Suite struct LibraryTests {
    /// What Lua's own library makes of the script; only sound scripts are given to it.
    private func stock(_ script: String, _ seed: Int, _ rounds: Int) -> String {
        let state = luaL_newstate()
        defer { lua_close(state) }
        luaL_openlibs(state)
        guard luaL_loadbufferx(state, script, script.utf8.count, "=init.lua", "t") == LUA_OK else { return "does not compile" }
        lua_pushinteger(state, lua_Integer(seed))
        lua_pushinteger(state, lua_Integer(rounds))
        let status = lua_pcallk(state, 2, 1, 0, 0, nil)
        var count = 0
        let text = lua_tolstring(state, -1, &count)
        let bytes = UnsafeRawBufferPointer(start: text, count: text == nil ? 0 : count)
        return (status == LUA_OK ? "" : "failed: ") + String(decoding: bytes, as: UTF8.self)
    }

    /// Never pausing, pausing as handlers do, and pausing wherever it is possible.
    @Test(arguments: [.zero, .milliseconds(1), .nanoseconds(1)] as [Duration], 1...4)
    func sameAsLua(_ slice: Duration, _ seed: Int) throws {
        let rounds = 120
        var limits = PolicyLimits()
        limits.slice = slice
        limits.runningTime = .seconds(60)
        let engine = try load("kumo.on('http_message_generated', function(...) \(LibraryScript.text)\nend)", limits: limits)
        guard case .success(.string(let ours))? = engine.now(.httpMessageGenerated, [.integer(seed), .integer(rounds)]) else {
            Issue.record("the script failed")
            return
        }
        let (theirs, mine) = (stock(LibraryScript.text, seed, rounds).split(separator: "\n"), ours.split(separator: "\n"))
        #expect(theirs.count > rounds * 4)
        #expect(theirs.count == mine.count)
        for (their, my) in zip(theirs, mine) where their != my {
            Issue.record("Lua: \(their)\nours: \(my)")
            break
        }
    }

    /// Plain text is found in linear time.
    @Test func plainFind() {
        let lua =
            "local s = ('a'):rep(1000000) return {s:find(('a'):rep(500000) .. 'b', 1, true) or 'none', (s .. 'b'):find('ab', 1, true)}"
        #expect(PolicyEngine.evaluate(lua) == .success(.list([.string("none"), .integer(1_000_000), .integer(1_000_001)])))
    }

    /// Patterns that read a large text a few times are not too complex.
    @Test(arguments: [
        ("s:match('.*')", 4_000_000), ("s:match('(.-)b')", 3_999_999), ("s:match('^(a*)b$')", 3_999_999), ("s:gsub('a', '')", 1),
        ("s:match('%f[b].')", 1), ("s:match('a*(b)')", 1),
    ])
    func largeTexts(_ lua: String, _ count: Int64) {
        var limits = PolicyLimits()
        limits.runningTime = .seconds(60)
        let outcome = PolicyEngine.evaluate("local s = ('a'):rep(3999999) .. 'b' local r = \(lua) return #r", limits: limits)
        #expect(outcome == .success(.integer(count)))
    }
}
