import Testing

@testable import Cluster

@Suite struct ControlEntryTests {
    static let full = ControlEntry(
        id: "broken_tls:mx.example", kind: .suspend,
        scope: ControlScope(
            domain: "example.com", routingDomain: "relay.example", tenant: "ten\"ant", campaign: "c\u{e4}mp", queues: ["a@b", "c:d@e!f"],
            path: "src->mx", node: "node-1", isEverything: true),
        payload: "{\"a\":[1,\"\\u0007\"]}", reason: "because\nof \u{1F600}", issuer: "joe from 10.0.0.1", node: "node-2",
        created: WallClock.start, expires: WallClock.start + 5, version: 77, isRemoved: true)

    @Test(arguments: [full, ControlEntry(id: "x", kind: .warmup, node: "n", created: 1, version: 1)])
    func `reads back what was written`(entry: ControlEntry) {
        let json = entry.json
        #expect(ControlEntry(json: json[...]) == entry)
        #expect(!json.contains(0x0a))
    }

    @Test func `a cut line is never an entry`() {
        let json = Self.full.json
        for end in 0..<json.count { #expect(ControlEntry(json: json[..<end]) == nil, "cut at \(end)") }
        #expect(ControlEntry(json: (json + [0x7d])[...]) == nil)
    }

    @Test func `whatever bytes come, reading ends and what it accepts can be written`() {
        let json = Self.full.json
        var accepted = 0
        for seed in UInt64(0)..<4_000 {
            var random = SeededRandom(seed)
            var bytes = json
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let at = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                default: bytes.insert("\"{}[]:,\\u0".utf8.randomElement(using: &random)!, at: at)
                }
            }
            guard let entry = ControlEntry(json: bytes[...]) else { continue }
            accepted += 1
            #expect(ControlEntry(json: entry.json[...]) == entry, "seed \(seed)")
        }
        #expect(accepted > 100)
    }

    static let least = "\"id\":\"x\",\"kind\":\"warmup\",\"node\":\"n\",\"created\":1,\"version\":1"

    @Test(arguments: [
        "", "null", "[]", "{}", "{\"id\":\"x\"}", "{\(least)", "{\(least),}", "{\(least)}}", "{\(least),\"id\":\"y\"}",
        "{\(least),\"kind\":\"No\"}",
        "{\(least),\"expires\":1.5}", "{\(least),\"expires\":1e3}", "{\(least),\"expires\":9223372036854775808}",
        "{\(least),\"expires\":01}",
        "{\(least),\"expires\":\"1\"}", "{\(least),\"queues\":\"a\"}", "{\(least),\"queues\":[1]}", "{\(least),\"removed\":1}",
        "{\(least),\"reason\":\"\\ud800\"}", "{\(least),\"reason\":\"\\x\"}", "{\(least),\"reason\":\"\u{1}\"}",
        "{\(least) \"reason\":\"\"}",
        "{\(least),\"new\":\(String(repeating: "[", count: 100))\(String(repeating: "]", count: 100))}",
        "{\(least),\"queues\":[\(Array(repeating: "\"q\"", count: 257).joined(separator: ","))]}",
        "{\(least),\(([Int](0..<70)).map { "\"k\($0)\":1" }.joined(separator: ","))}",
        "{\(least),\"payload\":\"\(String(repeating: "a", count: 70_000))\"}",
    ])
    func `hostile JSON is refused`(text: String) { #expect(ControlEntry(json: Array(text.utf8)[...]) == nil) }

    @Test(arguments: [
        "\"x\":null", "\"x\":{\"y\":[true,false,-1.5e3,{}]}", "\"expires\":-9223372036854775808", "\"reason\":\"\\u00e4\\ud83d\\ude00\\/\"",
    ])
    func `members of a newer release are skipped`(member: String) {
        #expect(ControlEntry(json: Array("{ \(Self.least) , \(member) } ".utf8)[...]) != nil)
    }

    @Test func `invalid UTF-8 is refused`() {
        #expect(ControlEntry(json: (Array("{\(Self.least),\"reason\":\"".utf8) + [0xc3, 0x28] + Array("\"}".utf8))[...]) == nil)
    }

    @Test(arguments: [
        "version 0", "version beyond 2^50", "no id", "blank in id", "long id", "no node", "created in 1970", "created far ahead",
        "created at the end of time", "expires in 1970", "expires in 1678", "expires in 11 years", "expires at the end of time",
        "empty scope", "empty domain", "control character", "long payload", "long reason", "long issuer", "too many queues",
        "queues too long", "endless tombstone",
    ])
    func `an entry out of bounds has a flaw`(name: String) {
        var entry = ControlEntry(id: "x", kind: .suspend, scope: ControlScope(domain: "a"), node: "n", created: WallClock.start, version: 1)
        #expect(entry.flaw(now: WallClock.start) == nil)
        switch name {
        case "version 0": entry.version = 0
        case "version beyond 2^50": entry.version = 1 << 50 + 1
        case "no id": entry.id = ""
        case "blank in id": entry.id = "a b"
        case "long id": entry.id = String(repeating: "a", count: 257)
        case "no node": entry.node = ""
        case "created in 1970": entry.created = 0
        case "created far ahead": entry.created = WallClock.start + 2 * WallClock.day
        case "created at the end of time": entry.created = .max
        case "expires in 1970": entry.expires = 1
        case "expires in 1678": entry.expires = .min
        case "expires in 11 years": entry.expires = WallClock.start + 4_020 * WallClock.day
        case "expires at the end of time": entry.expires = .max
        case "empty scope": entry.scope = ControlScope()
        case "empty domain": entry.scope.domain = ""
        case "control character": entry.scope.tenant = "a\u{7f}"
        case "long payload": entry.payload = String(repeating: "x", count: 16_385)
        case "long reason": entry.reason = String(repeating: "x", count: 1_025)
        case "long issuer": entry.issuer = String(repeating: "x", count: 513)
        case "too many queues": entry.scope.queues = (0..<257).map { "q\($0)" }
        case "queues too long": entry.scope.queues = (0..<20).map { _ in String(repeating: "q", count: 1_000) }
        case "endless tombstone": entry.isRemoved = true
        default: Issue.record("no such case")
        }
        #expect(entry.flaw(now: WallClock.start) != nil)
    }

    @Test func `the order of changes is total`() {
        func entry(_ version: Int64, _ node: String) -> ControlEntry { ControlEntry(id: "x", kind: .warmup, node: node, version: version) }
        let inOrder = [entry(1, "b"), entry(2, "B"), entry(2, "a"), entry(2, "aa"), entry(2, "b"), entry(3, "a")]
        for (i, left) in inOrder.enumerated() {
            for (j, right) in inOrder.enumerated() {
                #expect(left.supersedes(right) == (i > j))
                #expect(left.supersedes(right.stamp) == (i > j))
            }
        }
    }

    @Test(arguments: ["suspend", "suspend_path", "x1"]) func `a kind is a name`(name: String) {
        #expect(ControlKind(rawValue: name)?.description == name)
    }
    @Test(arguments: ["", "A", "a-b", "a b", String(repeating: "a", count: 33)]) func `other texts are no kind`(name: String) {
        #expect(ControlKind(rawValue: name) == nil)
    }
}
