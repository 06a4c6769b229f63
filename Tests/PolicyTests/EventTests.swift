import Message
import Options
import Policy
import Shaping
import Testing

@Suite struct EventTests {
    @Test func unhandledAnswersNull() throws {
        let engine = try load("")
        #expect(!engine.handles(.getQueueConfig))
        #expect(engine.now(.getQueueConfig) == .success(.null))
    }

    @Test func everyEventCanBeHandled() throws {
        for event in PolicyEvent.allCases {
            let engine = try load("kumo.on('\(event.rawValue)', function(...) return nil end)", role: .replica)
            #expect(engine.handles(event))
            #expect(engine.now(event, [.string("x")]) == .success(.null))
        }
    }

    @Test func firstAnswerWins() throws {
        let engine = try load(
            """
            calls = 0
            kumo.on('get_queue_config', function(domain) calls = calls + 1 if domain == 'a' then return {max_age = 1} end end)
            kumo.on('get_queue_config', function(domain, tenant)
              calls = calls + 1
              if domain == 'b' then return kumo.make_queue_config{egress_pool = tenant, queue_name = 'g'} end
            end)
            kumo.on('get_egress_pool', function() return {name = tostring(calls)} end)
            """)
        #expect(engine.now(.getQueueConfig, [.string("a")]) == .success(.table(["max_age": .integer(1)])))
        #expect(
            engine.now(.getQueueConfig, [.string("b"), .string("t")])
                == .success(.table(["egress_pool": .string("t"), "queue_name": .string("g")])))
        #expect(engine.now(.getQueueConfig, [.string("c")]) == .success(.null))
        #expect(engine.now(.getEgressPool, []) == .success(.table(["name": .string("5")])))
    }

    @Test func wrongKindIsRefused() throws {
        let engine = try load("\nkumo.on('get_queue_config', function() return kumo.make_egress_path{} end)")
        #expect(engine.now(.getQueueConfig)?.errorText == "init.lua:2: get_queue_config must return a QueueConfig, not a EgressPath")
    }

    struct Value: CustomTestStringConvertible {
        let lua: String
        let value: ConfigValue
        var testDescription: String { lua }
    }

    @Test(arguments: [
        Value(lua: "nil", value: .null), Value(lua: "true", value: .bool(true)), Value(lua: "42", value: .integer(42)),
        Value(lua: "4.5", value: .number(4.5)),
        Value(lua: "-9223372036854775807 - 1", value: .integer(.min)),
        Value(lua: "'x\\0y'", value: .string("x\0y")), Value(lua: "'\\xff'", value: .string("\u{fffd}")),
        Value(lua: "{}", value: .table([:])), Value(lua: "{1, 'a', {2}}", value: .list([.integer(1), .string("a"), .list([.integer(2)])])),
        Value(lua: "{a = 1, [2] = 'b', [1.5] = 'c'}", value: .table(["a": .integer(1), "2": .string("b"), "1.5": .string("c")])),
        Value(lua: "1, 2, 3", value: .integer(1)),
        Value(
            lua: "kumo.json_parse('{\"a\":[1,2.5,null,true,\"\\\\u00e4\\\\ud83d\\\\ude00\"]}')",
            value: .table(["a": .table(["1": .integer(1), "2": .number(2.5), "4": .bool(true), "5": .string("ä😀")])])),
        Value(lua: "kumo.json_encode{b = 1, a = {true, 'x\\n\"'}}", value: .string(#"{"a":[true,"x\n\""],"b":1}"#)),
        Value(lua: "kumo.serde.json_encode_pretty{1}", value: .string("[\n  1\n]")),
        Value(lua: "auth.name", value: .string("key")),
    ])
    func values(_ value: Value) {
        #expect(PolicyEngine.evaluate("return \(value.lua)") == .success(value.value))
    }

    @Test(arguments: [
        ("function() end", "returned a function"), ("coroutine.create(print)", "returned a coroutine"), ("io.open", "returned a function"),
        ("(function() local t = {} t.t = t return t end)()", "a table that contains itself"),
        ("(function() local t = {} for i = 1, 70 do t = {t} end return t end)()", "tables nested too deeply"),
        ("(function() local t = {} for i = 1, 60 do t = {t, t} end return t end)()", "a value that is too large"),
        ("{[true] = 1}", "keys that are neither strings nor numbers"), ("kumo.json_encode(0/0)", "no NaN"),
        ("kumo.json_encode(print)", "init.lua:1: kumo.json_encode: argument 1: a function can not be used here"),
        ("kumo.json_parse('[1,]')", "a value was expected at byte 3"), ("kumo.json_parse('[' .. ('['):rep(100))", "nested too deeply"),
        ("kumo.json_parse('1 2')", "text after the value"), ("kumo.json_parse('01')", "not a number"),
        ("kumo.json_parse('\"\\\\x\"')", "an unknown escape"),
    ])
    func badValues(_ lua: String, _ message: String) {
        let outcome = PolicyEngine.evaluate("return \(lua)")
        #expect(outcome?.errorText?.contains(message) == true, "\(String(describing: outcome))")
    }

    @Test(arguments: [
        ("kumo.reject(550, 'no\\r\\nway')", PolicyError.rejected(code: 550, text: "no  way")),
        ("kumo.reject(451.0, 'later')", .rejected(code: 451, text: "later")),
        ("kumo.disconnect(421, 'bye')", .disconnected(code: 421, text: "bye", mode: .forceDisconnect)),
        ("kumo.disconnect(421, 'bye', 'If421')", .disconnected(code: 421, text: "bye", mode: .if421)),
        ("local ok, e = pcall(kumo.reject, 550, 'again') e.code = 'x' error(e)", .rejected(code: 451, text: "again")),
        ("local ok, e = pcall(kumo.reject, 550, 'again') e.f = print error(e)", .failed(message: "")),
    ])
    func rejections(_ lua: String, _ error: PolicyError) {
        let outcome = PolicyEngine.evaluate(lua)
        if case .failed = error { #expect(outcome?.errorText?.contains("550 again") == true) } else { #expect(outcome == .failure(error)) }
    }

    @Test func errorNamesTheHandler() {
        #expect(
            PolicyEngine.evaluate("return print")?.errorText
                == "init.lua:1: http_message_generated: the handler returned a function, which can not be used here")
    }

    @Test func logging() throws {
        let host = TestHost()
        _ = try load(
            "kumo.log('a', 1, true, nil, {x = 1}) kumo.log_warn('w') kumo.log_debug() print('p', 2) kumo.log_error(setmetatable({}, {__tostring = function() return 'T' end}))",
            host: host)
        #expect(host.lines == [#"info: a 1 true nil {"x":1}"#, "warn: w", "debug: ", "info: p 2", "error: T"])
    }

    @Test func close() throws {
        let engine = try load("kumo.on('smtp_server_ehlo', function() kumo.sleep(1) end)")
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        #expect(outcome == nil)
        engine.close()
        #expect(outcome?.errorText?.contains("closed while smtp_server_ehlo waited") == true)
        #expect(engine.now(.smtpServerEhlo)?.errorText == "the policy is closed")
    }
}
