import Options
import Policy
import Shaping
import Testing

@Suite struct AdminTests {
    @Test func orders() {
        let host = TestHost()
        let outcome = PolicyEngine.evaluate(
            """
            local admin = require('kumo').api.admin
            admin.suspend.suspend{reason = 'too many 421', domain = 'example.com', tenant = 't', duration = '10m'}
            admin.suspend_ready_q.suspend{reason = 'r', name = 'ip-1->mx.example.com@smtp_client', expires = '2030-01-01T00:00:00Z'}
            return admin.bounce.bounce{reason = 'r', queue_names = {'a', 'b'}, suppress_logging = true}
            """, host: host)
        #expect(outcome == .success(.table(["id": .string("00112233445566778899aabbccddeeff")])))
        #expect(host.orders.map(\.action.kind) == [.suspend, .suspendReadyQueue, .bounce])
        #expect(host.orders.map(\.source) == ["init.lua:2", "init.lua:3", "init.lua:4"])
        #expect(host.orders[0].action.domain == "example.com" && host.orders[0].action.lifetime == .duration(.seconds(600)))
        #expect(host.orders[1].action.path == "ip-1->mx.example.com@smtp_client")
        #expect(host.orders[1].action.lifetime == .until(1_893_456_000_000_000_000))
        #expect(host.orders[2].action.queueNames == ["a", "b"] && host.orders[2].action.suppressLogging)
    }

    @Test(arguments: [
        ("suspend.suspend()", "a table of options is required"), ("suspend.suspend('example.com')", "a table of options is required"),
        ("suspend.suspend{'example.com'}", "a table of options is required"),
        ("suspend.suspend{domain = 'x'}", "option 'reason' is required"),
        ("bounce.bounce{reason = 'r', domain = msg:recipient().domian}", "everything = true means all queues"),
        ("bounce.bounce{reason = 'r', domain = msg}", "everything = true means all queues"),
        ("bounce.bounce{reason = 'r', tenat = 't'}", "did you mean 'tenant'?"),
        ("bounce.bounce{reason = ('x'):rep(1 << 20), tenant = 't'}", "option 'reason' must be"),
        ("bounce.bounce{reason = 'r', tenant = print}", "a function can not be used here"),
        ("suspend_ready_q.suspend{reason = 'r', name = 'a\\nb'}", "option 'name' must be"),
    ])
    func misuse(_ lua: String, _ message: String) {
        let host = TestHost()
        let outcome = PolicyEngine.evaluate("return kumo.api.admin." + lua, host: host)
        #expect(outcome?.errorText?.contains(message) == true, "\(String(describing: outcome))")
        #expect(outcome?.errorText?.hasPrefix("init.lua:1: kumo.api.admin.") == true && host.orders.isEmpty)
    }

    @Test func failuresAreRaised() {
        let host = TestHost()
        host.orderAnswer = .failure(.failed(message: "the disk is full"))
        #expect(
            PolicyEngine.evaluate("kumo.api.admin.suspend.suspend{reason = 'r', domain = 'x'}", host: host)?.errorText
                == "init.lua:1: kumo.api.admin.suspend.suspend: the disk is full")
    }

    /// A host that offers none of it says so.
    @Test(arguments: [
        ("require('redis').open{node = 'redis://h'}:query('PING')", "conn:query: Redis is not available here"),
        ("kumo.make_throttle('x', '1/s'):throttle()", "throttle:throttle: throttles are not available here"),
        ("kumo.make_throttle('x', '1/s'):sleep_if_throttled()", "throttle:sleep_if_throttled: throttles are not available here"),
        ("kumo.api.admin.suspend.suspend{reason = 'r', domain = 'x'}", "suspend.suspend: queues can not be changed from here"),
    ])
    func bareHost(_ lua: String, _ message: String) throws {
        final class BareHost: PolicyHost {
            func schedule(after: Duration, _ work: @escaping () -> Void) {}
            func http(_ request: PolicyHTTPRequest, completion: @escaping (Result<PolicyHTTPResponse, PolicyError>) -> Void) {}
            func log(level: PolicyLogLevel, text: String) {}
        }
        let folder = PolicyFolder(["init.lua": "kumo.on('smtp_server_ehlo', function() \(lua) end)"])
        let engine = try PolicyEngine(file: folder.policy, host: BareHost(), role: .primary)
        let outcome = engine.now(.smtpServerEhlo)
        #expect(outcome?.errorText?.hasSuffix(message) == true, "\(String(describing: outcome))")
    }
}
