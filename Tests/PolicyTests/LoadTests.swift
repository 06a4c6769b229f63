import Policy
import Shaping
import Testing

@Suite struct LoadTests {
    struct Bad: CustomTestStringConvertible {
        let policy: String
        let message: String
        var testDescription: String { policy }
    }

    @Test(arguments: [
        Bad(policy: "local x = = 1", message: "init.lua:1: unexpected symbol near '='"),
        Bad(policy: "\n\nerror('no')", message: "init.lua:3: no"),
        Bad(policy: "#!/usr/bin/lua\nnope()", message: "init.lua:2: attempt to call a nil value (global 'nope')"),
        Bad(policy: "\u{1b}Lua", message: "attempt to load a binary chunk"),
        Bad(policy: "kumo.on('init', function()\n  error('bad day')\nend)", message: "init.lua:2: bad day"),
        Bad(policy: "kumo.on('inti', function() end)", message: "init.lua:1: kumo.on: there is no event 'inti' (did you mean 'init'?)"),
        Bad(
            policy: "kumo.on('smtp_server_data', function() end)",
            message: "init.lua:1: kumo.on: the event 'smtp_server_data' is not supported yet"),
        Bad(policy: "kumo.on('log_disposition_x', function() end)", message: "the event 'log_disposition_x' is not supported yet"),
        Bad(policy: "kumo.on('init', 5)", message: "init.lua:1: kumo.on: the second argument must be a function"),
        Bad(policy: "kumo.on()", message: "kumo.on: the event must be a string"),
        Bad(
            policy: "kumo.on('get_egress_pool', function() end)\n\nkumo.on('get_egress_pool', function() end)",
            message: "init.lua:3: kumo.on: 'get_egress_pool' already has a handler, registered at init.lua:1"),
        Bad(
            policy: "kumo.on('init', function() kumo.on('pre_init', print) end)",
            message: "init.lua:1: kumo.on: handlers are registered while"),
        Bad(policy: "kumo.start_esmtp_listener{listen='x', relay_host={}}", message: "init.lua:1: kumo.start_esmtp_listener: "),
        Bad(policy: "kumo.start_esmtp_listener{'x'}", message: "the options must have names"),
        Bad(policy: "kumo.define_spool()", message: "init.lua:1: kumo.define_spool: a table of options is required"),
        Bad(policy: "\nlocal p = kumo.make_egress_path{\n  conection_limit = 1,\n}", message: "kumo.make_egress_path: "),
        Bad(policy: "local f = function() return kumo.make_egress_pool{} end\nf()", message: "init.lua:1: kumo.make_egress_pool: "),
        Bad(policy: "kumo.make_queue_config{queue_name=5}", message: "queue_name must be a non-empty string"),
        Bad(policy: "kumo.sleep(1)", message: "init.lua:1: kumo.sleep can not wait while the policy loads"),
        Bad(policy: "kumo.on('init', function() http.get('http://x/') end)", message: "http.get can not wait while the policy loads"),
        Bad(
            policy: "kumo.configure_log_hook{name='x'}", message: "init.lua:1: kumo.configure_log_hook is not supported yet by this version"
        ),
        Bad(policy: "local x = kumo.dns.lookup_mx", message: "init.lua:1: kumo.dns.lookup_mx is not supported yet"),
        Bad(
            policy: "kumo.start_smtp_listener{}", message: "kumo.start_smtp_listener does not exist (did you mean 'start_esmtp_listener'?)"),
        Bad(policy: "kumo.serde.toml_load('x')", message: "kumo.serde.toml_load is not supported yet"),
        Bad(policy: "http.pots('x')", message: "http.pots does not exist (did you mean 'post'?)"),
        Bad(policy: "require 'redis'.open{}", message: "init.lua:1: redis.open: redis: option 'node' is required"),
        Bad(policy: "require 'redis'.opne{}", message: "redis.opne does not exist (did you mean 'open'?)"),
        Bad(policy: "redis.open{}", message: "attempt to index a nil value (global 'redis')"),
        Bad(
            policy: "require 'redis'.open{node = 'redis://h'}:query('GET', 'k')", message: "conn:query can not wait while the policy loads"),
        Bad(
            policy: "kumo.configure_redis_throttles{node = 'redis://h', on_store_los = 'share'}",
            message:
                "init.lua:1: kumo.configure_redis_throttles: redis throttles: option 'on_store_los' is unknown; did you mean 'on_store_loss'?"
        ),
        Bad(policy: "kumo.configure_redis_throttles{node = 'rediss://:PW@h'}", message: "option 'node' asks for TLS"),
        Bad(
            policy: "kumo.configure_redis_throttles{node = 'redis://h'}\n\nkumo.configure_redis_throttles{node = 'redis://h'}",
            message: "init.lua:3: kumo.configure_redis_throttles was already called at init.lua:1"),
        Bad(
            policy: "local function f() kumo.configure_redis_throttles{node = 'redis://h'} end\nf()\nkumo.on('init', f)",
            message: "init.lua:1: kumo.configure_redis_throttles was already called at init.lua:1"),
        Bad(
            policy: "kumo.dns.set_mx_negative_cache_ttl(0)",
            message: "init.lua:1: kumo.dns.set_mx_negative_cache_ttl: the time must be from 1"),
        Bad(policy: "kumo.dns.set_mx_negative_cache_ttl('2 days')", message: "from 1 second to 1 day"),
        Bad(policy: "kumo.dns.set_mx_negative_cache_ttl('soon')", message: "init.lua:1: kumo.dns.set_mx_negative_cache_ttl: "),
        Bad(policy: "kumo.dns.set_mx_negative_cache_ttl()", message: "init.lua:1: kumo.dns.set_mx_negative_cache_ttl: "),
        Bad(policy: "kumo.dns.set_mx_negative_cache_tll(5)", message: "did you mean 'set_mx_negative_cache_ttl'?"),
        Bad(policy: "kumo.make_throttle('x')", message: "init.lua:1: kumo.make_throttle: the rate must be a string"),
        Bad(policy: "kumo.make_throttle('', '1/s')", message: "kumo.make_throttle: the name must be a text of 1 to 255 bytes"),
        Bad(policy: "kumo.make_throttle('a\\r\\nb', '1/s')", message: "without control characters"),
        Bad(policy: "kumo.make_throttle(('x'):rep(256), '1/s')", message: "1 to 255 bytes"),
        Bad(policy: "kumo.make_throttle('x', '1/fortnight')", message: "init.lua:1: kumo.make_throttle: '1/fortnight' is not a rate"),
        Bad(policy: "kumo.make_throttle('x', '1/s'):throttle()", message: "throttle:throttle can not be used while the policy loads"),
        Bad(
            policy: "kumo.api.admin.bounce.bounce{reason = 'r', domain = 'x'}",
            message: "init.lua:1: kumo.api.admin.bounce.bounce can be called in handlers only"),
        Bad(policy: "kumo.api.admin.bounce.bonce{}", message: "kumo.api.admin.bounce.bonce does not exist (did you mean 'bounce'?)"),
        Bad(policy: "kumo.api.admin.suspend.resume{}", message: "kumo.api.admin.suspend.resume does not exist"),
        Bad(policy: "kumo.api.admin.suspend_redy_q.suspend{}", message: "did you mean 'suspend_ready_q'?"),
        Bad(policy: "kumo.api.inject.inject_v1{}", message: "kumo.api.inject is not supported yet by this version"),
        Bad(policy: "kumo.api.admni.x()", message: "kumo.api.admni does not exist (did you mean 'admin'?)"),
        Bad(policy: "kumo.ap.admin.x()", message: "kumo.ap does not exist (did you mean 'api'?)"),
        Bad(policy: "require 'sqlite'", message: "require 'sqlite' is not supported yet by this version"),
        Bad(policy: "require 'nowhere'", message: "module 'nowhere' not found"),
        Bad(policy: "require 'broken'", message: "module 'broken': broken.lua:2: unexpected symbol"),
        Bad(policy: "require 'raises'", message: "raises.lua:1: from inside"),
        Bad(policy: "coroutine.yield()", message: "coroutine.yield was called outside"),
        Bad(policy: "local t = setmetatable({}, {__gc = function() end})", message: "init.lua:1: __gc can not be used"),
        Bad(policy: "io.open('x', 'w')", message: "files can only be read"),
        Bad(policy: "collectgarbage('stop')", message: "only 'count', 'collect' and 'step'"),
        Bad(policy: "load(string.char(27) .. 'Lua', 'x', 'b')()", message: "attempt to call a nil value"),
        Bad(policy: "error({code = 5})", message: "table:"),
        Bad(policy: "error()", message: "nil"),
        Bad(policy: "error(setmetatable({}, {__tostring = function() error('twice') end}))", message: "init.lua:1: twice"),
        Bad(policy: "kumo.reject(200, 'x')", message: "init.lua:1: kumo.reject: the code must be a number from 400 to 599"),
        Bad(policy: "kumo.disconnect(421, 'x', 'Now')", message: "not 'Now'"),
    ])
    func badPolicy(_ bad: Bad) {
        let files = ["broken.lua": "local x\n= = 2", "raises.lua": "error('from inside')"]
        let message = loadFailure(bad.policy, files: files)
        #expect(message?.contains(bad.message) == true, "\(message ?? "loaded")")
    }

    @Test(arguments: [
        "local k = require 'kumo'; assert(k == kumo and require('http') == http)",
        "assert(type(kumo.version) == 'string' and kumo.available_parallelism() >= 1)",
        "kumo.set_readyq_threads(4) kumo.set_max_lua_context_age(5) kumo.spawn_thread_pool{name='x'}",
        "kumo.dns.set_mx_negative_cache_ttl('1m') kumo.on('init', function() kumo.dns.set_mx_negative_cache_ttl(90) end)",
        "assert(rawget(_G, 'redis') == nil and require('redis') == package.loaded.redis and require('redis').open)",
        "local r = require 'redis' local c = r.open{node = 'redis://h'} assert(c == c and type(c) == 'userdata' and type(c.query) == 'function')",
        "local t = kumo.make_throttle('x', '1/s') assert(t:explain():find('x') and getmetatable(t) == false)",
        "assert(require('lib.deep').x == 7 and require('side') == 'side')",
        "assert(os.execute == nil and os.remove == nil and os.time and os.getenv and io.popen == nil and io.write == nil)",
        "assert(dofile == nil and loadfile == nil and debug == nil and package.loadlib == nil and string.dump == nil)",
        "assert(require('io').lines == nil and require('os').exit == nil and package.cpath == '')",
        "assert(load('return 1 + 1')() == 2 and load('return x', 'c', 't', {x = 5})() == 5 and load(function() return nil end))",
        "local f = assert(io.open(kumo_dir .. '/data.txt')) assert(f:read('a') == 'hello') f:close()",
        "local f, e = io.open('/dev/zero') assert(f == nil and e:find('regular'))",
        "assert(kumo.json_load(kumo_dir .. '/data.json').a[2] == 2)",
        "assert(not pcall(kumo.json_load, '/dev/zero') and not pcall(kumo.json_load, '/nonexistent'))",
        "for w in ('a b'):gmatch('%a') do end assert(('x'):upper() == 'X' and #('abc') == 3 and utf8.char(228) and table.concat{1, 2} == '12')",
        "local ok, e = pcall(kumo.reject, 550, 'no') assert(not ok and e.code == 550 and tostring(e) == '550 no')",
        "local ok, e = pcall(function() return kumo.nope end) assert(not ok and e:find('init.lua:1:', 1, true))",
        "assert(getmetatable('') == false)",
        "local ok, a, b = xpcall(function(x, y) return x, y end, print, 1, 2) assert(ok and a == 1 and b == 2)",
        "local ok, e = xpcall(error, function(e) return e .. '!' end, 'x') assert(not ok and e == 'x!' and not pcall(xpcall, print))",
    ])
    func goodPolicy(_ policy: String) throws {
        let folder = PolicyFolder(["data.txt": "hello", "data.json": #"{"a":[1,2]}"#, "side.lua": "return 'side'"])
        folder.write("init.lua", "kumo_dir = '\(folder.path)' package.preload['lib.deep'] = function() return {x = 7} end " + policy)
        do {
            let engine = try PolicyEngine(file: folder.policy, host: TestHost(), role: .primary)
            engine.close()
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test(arguments: [("'1m'", 60), ("90", 90), ("1.0", 1), ("'1 day'", 86_400)] as [(String, Int64)])
    func declaresTheNegativeTTL(_ text: String, _ seconds: Int64) throws {
        let folder = PolicyFolder([:])
        folder.write("init.lua", "kumo.dns.set_mx_negative_cache_ttl(\(text))")
        let engine = try PolicyEngine(file: folder.policy, host: TestHost(), role: .primary)
        #expect(engine.declarations.negativeTTL == .seconds(seconds))
        engine.close()
    }

    @Test func traceback() throws {
        do {
            _ = try load("local function deep() error('here') end\nlocal function mid() deep() end\nmid()")
            Issue.record("loaded")
        } catch {
            guard case .failed(let message, let traceback) = error else { throw error }
            #expect(message == "init.lua:1: here")
            #expect(traceback.contains("stack traceback:") && traceback.contains("init.lua:3: in main chunk"))
        }
    }

    @Test func missingFile() {
        #expect(throws: PolicyError.self) { try PolicyEngine(file: "/nonexistent/init.lua", host: TestHost(), role: .primary) }
        #expect(throws: PolicyError.self) { try PolicyEngine(file: "/tmp", host: TestHost(), role: .primary) }
    }

    @Test func declarationsFromTopLevelAndInit() throws {
        let policy = """
            kumo.start_esmtp_listener{listen = '127.0.0.1:2525'}
            kumo.define_spool{name = 'data', path = '/x'}
            kumo.on('pre_init', function() order = 'pre' end)
            kumo.on('pre_init', function() order = order .. '2' end)
            kumo.on('init', function()
              assert(order == 'pre2')
              kumo.start_esmtp_listener{listen = '127.0.0.1:2526'}
              kumo.start_http_listener{listen = '127.0.0.1:8000'}
              kumo.configure_local_logs{log_dir = '/l'}
              kumo.configure_redis_throttles{node = 'redis://h', prefix = 'p'}
            end)
            """
        let primary = try load(policy)
        #expect(primary.declarations.listeners.count == 2)
        #expect(primary.declarations.httpListeners.count == 1)
        #expect(primary.declarations.spools.count == 1)
        #expect(primary.declarations.logs.count == 1)
        #expect(primary.declarations.redis?.prefix == "p" && primary.declarations.redis?.server.urls == ["redis://h"])
        let topLevel = "kumo.configure_redis_throttles{node = {'redis://a', 'redis://b'}, on_store_loss = 'floor:10/min'}"
        #expect(try load(topLevel).declarations.redis?.onStoreLoss.text == "floor:10/m")
        #expect(try load(topLevel, role: .replica).declarations.redis == nil)
        #expect(try load("").declarations.redis == nil)
        let replica = try load(policy, role: .replica)
        #expect(replica.declarations.listeners.isEmpty && replica.declarations.spools.isEmpty)
        #expect(replica.handles(.`init`) && replica.source(of: .`init`) == "init.lua:5")
    }

    @Test func declarationsAreRefusedInHandlers() {
        let outcome = PolicyEngine.evaluate("kumo.start_http_listener{listen='x'}")
        #expect(outcome?.errorText?.contains("can be called at the top level") == true)
        #expect(
            PolicyEngine.evaluate("kumo.configure_redis_throttles{node = 'redis://h'}")?.errorText?.contains(
                "can be called at the top level")
                == true)
        #expect(PolicyEngine.evaluate("kumo.on('init', print)")?.errorText?.contains("handlers are registered while") == true)
    }
}
