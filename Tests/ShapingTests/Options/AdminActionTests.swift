import Shaping
import Testing

@testable import Options

@Suite struct AdminActionTests {
    @Test func fields() throws {
        let bounce = try AdminAction(
            .bounce,
            [
                "reason": "bad list", "domain": "example.com", "routing_domain": "r.example", "tenant": "t", "campaign": "c",
                "queue_names": ["a", "b"], "duration": "1h", "suppress_logging": true,
            ])
        #expect(
            bounce.kind == .bounce && bounce.reason == "bad list" && bounce.domain == "example.com" && bounce.routingDomain == "r.example")
        #expect(bounce.tenant == "t" && bounce.campaign == "c" && bounce.queueNames == ["a", "b"] && bounce.suppressLogging)
        #expect(bounce.lifetime == .duration(.seconds(3600)) && !bounce.isEverything && bounce.path == nil)
        let suspend = try AdminAction(.suspend, ["reason": "r", "everything": true])
        #expect(suspend.isEverything && suspend.lifetime == .duration(.seconds(300)) && suspend.queueNames.isEmpty)
        let ready = try AdminAction(
            .suspendReadyQueue, ["reason": "r", "name": "ip-1->mx@smtp_client", "expires": "1970-01-02T00:00:00Z", "duration": 5])
        #expect(ready.path == "ip-1->mx@smtp_client" && ready.lifetime == .until(86_400_000_000_000))
    }

    @Test(
        arguments: [
            (.suspend, ["domain": "x"], "option 'reason' is required"),
            (.suspend, ["reason": "", "domain": "x"], "option 'reason' must be"),
            (.suspend, ["reason": "a\r\nb", "domain": "x"], "option 'reason' must be"), (.suspend, ["reason": "r"], "everything = true"),
            (.bounce, ["reason": "r"], "everything = true"), (.bounce, ["reason": "r", "domain": nil], "everything = true"),
            (.bounce, ["reason": "r", "queue_names": []], "everything = true"),
            (.bounce, ["reason": "r", "everything": false], "everything"),
            (.bounce, ["reason": "r", "domain": "x", "everything": true], "can not stand beside criteria"),
            (.bounce, ["reason": "r", "domian": "x"], "did you mean 'domain'?"),
            (.bounce, ["reason": "r", "domain": 5], "option 'domain'"),
            (.suspend, ["reason": "r", "domain": "x", "suppress_logging": true], "option 'suppress_logging' is unknown"),
            (.suspendReadyQueue, ["reason": "r"], "option 'name' is required"),
            (.suspendReadyQueue, ["reason": "r", "name": "x", "domain": "y"], "option 'domain' is unknown"),
            (.suspend, ["reason": "r", "domain": "x", "duration": 0], "from 1s to"),
            (.suspend, ["reason": "r", "domain": "x", "duration": "soon"], "must be a duration"),
            (.suspend, ["reason": "r", "domain": "x", "expires": "tomorrow"], "2030-01-31T12:00:00Z"),
            (.suspend, ["reason": "r", "domain": "x", "expires": 5], "2030-01-31T12:00:00Z"),
            (.bounce, ["reason": "r", "queue_names": [5]], "option 'queue_names'"),
            (.bounce, ["reason": "r", "queue_names": .list(.init(repeating: "q", count: 1001))], "at most 1000 entries"),
        ] as [(AdminAction.Kind, [String: ConfigValue], String)])
    func refusals(kind: AdminAction.Kind, table: [String: ConfigValue], text: String) {
        let error = #expect(throws: ConfigError.self) { try AdminAction(kind, table) }
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        #expect(error?.message.hasPrefix(kind.rawValue + ":") == true && error?.message.utf8.contains(0x0D) == false)
    }
}
