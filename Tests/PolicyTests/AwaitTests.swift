import Options
import Policy
import Shaping
import Testing

@Suite struct AwaitTests {
    static let echo = "kumo.on('smtp_server_ehlo', function(name, n) for i = 1, n do kumo.sleep(i) end return name end)"

    /// Many handlers wait at once and are continued in a random order; each answers exactly once, with its own value.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func manyCoroutines(_ seed: UInt64) throws {
        let host = TestHost()
        let engine = try load(Self.echo, host: host)
        var random = seed
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        var answers = [Int](repeating: 0, count: 500)
        for i in 0..<500 {
            engine.call(.smtpServerEhlo, [.string("h\(i)"), .integer(i % 4)]) {
                #expect($0 == .success(.string("h\(i)")), "seed \(seed)")
                answers[i] += 1
            }
        }
        #expect(engine.suspendedCalls == 375)
        while !host.timers.isEmpty { host.fire(next(host.timers.count)) }
        #expect(answers.allSatisfy { $0 == 1 }, "seed \(seed)")
        #expect(engine.suspendedCalls == 0)
    }

    @Test func hostThatAnswersAtOnce() throws {
        let host = TestHost()
        host.isImmediate = true
        let engine = try load(Self.echo, host: host)
        #expect(engine.now(.smtpServerEhlo, [.string("x"), .integer(3)]) == .success(.string("x")))
    }

    @Test func callsFromInsideACallWait() throws {
        let engine = try load(
            "order = '' kumo.on('http_message_generated', function(msg, n) order = order .. n msg:get_meta('x') order = order .. n return order end)"
        )
        let message = TestMessage()
        var inner: Result<ConfigValue, PolicyError>?
        message.onMeta = {
            message.onMeta = {}
            engine.call(.httpMessageGenerated, [.message(TestMessage()), .integer(2)]) { inner = $0 }
        }
        #expect(engine.now(.httpMessageGenerated, [.message(message), .integer(1)]) == .success(.string("11")))
        #expect(inner == .success(.string("1122")))
    }

    @Test func closeFromInsideACall() throws {
        let engine = try load("kumo.on('http_message_generated', function(msg) msg:get_meta('x') return 1 end)")
        let message = TestMessage()
        message.onMeta = { engine.close() }
        #expect(engine.now(.httpMessageGenerated, [.message(message)])?.errorText?.contains("closed while") == true)
    }

    @Test func http() throws {
        let host = TestHost()
        let engine = try load(
            """
            kumo.on('delivery_complete', function(msg, result)
              local r = http.post('https://hook.example/x', {id = msg:id(), status = result.status}, {headers = {['X-Key'] = 'k'}, timeout = 3})
              local ok, e = pcall(http.get, 'http://h.example/')
              return {r.status, r.body, r.headers['content-type'], ok, e}
            end)
            """, host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.deliveryComplete, [.message(TestMessage()), .config(.table(["status": .string("delivered")]))]) { outcome = $0 }
        let (request, answer) = host.requests[0]
        #expect(request.method == "POST" && request.url == "https://hook.example/x" && request.timeout == .seconds(3))
        #expect(String(decoding: request.body, as: UTF8.self) == #"{"id":"0123456789abcdef0123456789abcdef","status":"delivered"}"#)
        #expect(request.headers.map { "\($0.name): \($0.value)" } == ["content-type: application/json", "x-key: k"])
        answer(.success(PolicyHTTPResponse(status: 202, headers: [(name: "Content-Type", value: "text/x")], body: Array("ok".utf8))))
        answer(.success(PolicyHTTPResponse(status: 500, headers: [], body: [])))  // a second answer is ignored
        #expect(outcome == nil && host.requests.count == 2 && host.requests[1].request.timeout == .seconds(30))
        host.requests[1].completion(.failure(.failed(message: "connection refused")))
        #expect(
            outcome
                == .success(
                    .list([
                        .integer(202), .string("ok"), .string("text/x"), .bool(false), .string("init.lua:3: http.get: connection refused"),
                    ])))
    }

    @Test func unansweredRequestEnds() throws {
        let host = TestHost()
        let engine = try load("kumo.on('smtp_server_ehlo', function() return http.get('http://x/') end)", host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        #expect(host.timers[0].after == .seconds(35))
        host.fire(0)
        #expect(outcome?.errorText == "init.lua:1: http.get: no answer")
    }

    @Test func responseIsBounded() throws {
        let host = TestHost()
        var limits = PolicyLimits()
        limits.httpResponseBytes = 10
        let engine = try load("kumo.on('smtp_server_ehlo', function() return http.get('http://x/') end)", host: host, limits: limits)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        host.requests[0].completion(.success(PolicyHTTPResponse(status: 200, headers: [], body: [UInt8](repeating: 65, count: 11))))
        #expect(outcome?.errorText?.contains("larger than 10 bytes") == true)
    }

    @Test(arguments: [
        ("http.get('ftp://x')", "must start with http"), ("http.get('http://x/ y')", "no spaces"),
        ("http.get('http://x/\\r\\nHost: y')", "no spaces"), ("http.get()", "the URL must be a string"),
        ("http.post('http://x', 5)", "the body must be a table or a string"),
        ("http.get('http://x', {header = {}})", "unknown option 'header' (did you mean 'headers'?)"),
        ("http.get('http://x', {headers = {a = 'b\\nc'}})", "without line breaks"),
        ("http.get('http://x', {headers = {['a b'] = 'c'}})", "without line breaks"),
        ("kumo.sleep('soon')", "kumo.sleep: "), ("kumo.sleep(-1)", "kumo.sleep: "), ("kumo.sleep(1e9)", "kumo.sleep: "),
        ("tostring(setmetatable({}, {__tostring = function() kumo.sleep(1) end}))", "kumo.sleep can not wait here"),
        ("assert(load(function() kumo.sleep(1) end))", "kumo.sleep can not wait here"),
        ("coroutine.wrap(function() tostring(setmetatable({}, {__tostring = function() kumo.sleep(1) end})) end)()", "can not wait here"),
        ("coroutine.yield(1)", "coroutine.yield was called outside"),
    ])
    func misuse(_ lua: String, _ message: String) {
        let outcome = PolicyEngine.evaluate(lua)
        #expect(
            outcome?.errorText?.contains(message) == true && outcome?.errorText?.contains("init.lua:1") == true,
            "\(String(describing: outcome))")
    }

    @Test func sleepInsidePcallAndMetamethods() throws {
        let host = TestHost()
        let engine = try load(
            "local t = setmetatable({}, {__index = function(_, k) kumo.sleep(1) return k end}) kumo.on('smtp_server_ehlo', function() local ok, v = pcall(function() return t.x end) for w in (function() kumo.time.sleep(2) return nil end) do end return v end)",
            host: host)
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.smtpServerEhlo, []) { outcome = $0 }
        host.fire(0)
        #expect(outcome == nil)
        host.fire(0)
        #expect(outcome == .success(.string("x")))
    }

    @Test func tooManyWaiting() throws {
        let host = TestHost()
        var limits = PolicyLimits()
        limits.suspendedCalls = 3
        let engine = try load(Self.echo, host: host, limits: limits)
        var failures: [String] = []
        for _ in 0..<5 {
            engine.call(.smtpServerEhlo, [.string("x"), .integer(1)]) { if let text = $0.errorText { failures.append(text) } }
        }
        #expect(failures.count == 2 && failures[0].contains("too many handlers wait (limit 3)"))
        #expect(engine.suspendedCalls == 3)
        host.fire(0)
        #expect(engine.suspendedCalls == 2)
    }
}
