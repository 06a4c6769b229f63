import Shaping
import Testing

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

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("1999-12-31t23:59:59.25z", 946_684_799_250_000_000),
            ("2000-02-29 12:00:00-05:30", 951_845_400_000_000_000), ("2024-12-31T23:59:60Z", 1_735_689_600_000_000_000),
            ("2100-03-01T00:00:00.000000001Z", 4_107_542_400_000_000_001), ("2038-01-19T03:14:08Z", 2_147_483_648_000_000_000),
            ("2199-12-31T23:59:59.999999999Z", 7_258_118_399_999_999_999),
        ] as [(String, Int64)])
    func moments(text: String, nanoseconds: Int64) { #expect(InstantText.unixNanoseconds(text) == nanoseconds) }

    @Test(arguments: [
        "", "2030", "2030-01-31", "2030-01-31T12:00:00", "2030-01-31T12:00Z", "2030-13-01T00:00:00Z", "2030-00-01T00:00:00Z",
        "2030-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2030-04-31T00:00:00Z", "2030-01-00T00:00:00Z", "2030-01-01T24:00:00Z",
        "2030-01-01T00:60:00Z", "2030-01-01T00:00:61Z", "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00.1234567890Z",
        "2030-01-01T00:00:00+1:00",
        "2030-01-01T00:00:00+24:00", "2030-01-01T00:00:00ZZ", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "9999-01-01T00:00:00Z",
        "2030/01/01T00:00:00Z", "+030-01-01T00:00:00Z", "2030-01-01T00:00:00.5", "٢030-01-01T00:00:00Z", "2030-01-01T00:00:00Z\u{0}",
    ])
    func noMoments(text: String) { #expect(InstantText.unixNanoseconds(text) == nil) }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func noiseIsNoTrap(seed: UInt64) {
        var random = ConfigNoise(seed: seed)
        var bytes = Array("2030-01-31T12:00:00.5+01:00".utf8)
        let noise = Array(random.text(of: Array("0123456789-:TZ.+ \u{e4}"), upTo: 12).utf8)
        let start = noise.count % bytes.count
        bytes.replaceSubrange(start..<min(bytes.count, start + noise.count), with: noise)
        let value = InstantText.unixNanoseconds(String(decoding: bytes, as: UTF8.self))
        #expect(value ?? 0 >= 0, "seed \(seed)")
    }
}
