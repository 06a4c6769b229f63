import Client
import JSON
import Testing

/// What the HTTP API shows: byte for byte what Foundation's encoder wrote for these values before the node had its own.
@Suite struct StatusJSONTests {
    private static func check<Status: JSONEncodable & JSONDecodable & Equatable>(
        _ status: Status, _ expected: String, at place: SourceLocation = #_sourceLocation
    ) throws {
        let text = String(decoding: status.json.bytes(.api), as: UTF8.self)
        #expect(text == expected, sourceLocation: place)
        #expect(try Status(json: JSONValue(parsing: text)) == status, sourceLocation: place)
    }

    private static var wholeRule: RuleStatus {
        var status = RuleStatus(id: "i", reason: "r", issuer: "j", created: "c")
        (status.duration, status.expires, status.domain, status.routingDomain) = ("5m", "e", "d", "rd")
        (status.tenant, status.campaign, status.queueNames, status.name) = ("t", "c", ["q"], "s->m")
        (status.everything, status.node, status.bounced, status.totalBounced) = (true, "n", ["q": 1], 1)
        return status
    }

    @Test func bytesAreStable() throws {
        try Self.check(
            QueueStatus(
                queue: "c:t@ex/ample.test!r", scheduled: 3, due: 1, active: 2, delivered: 9, oldestAge: 12.0,
                nextDue: "2026-01-31T12:00:00Z", state: "waiting", blockedBy: "é \"x\"\u{7f}", lastReply: "250 ok\n\u{1}"),
            #"{"active":2,"blocked_by":"é \"x\"\#u{7f}","delivered":9,"due":1,"last_reply":"250 ok\n\u0001","next_due":"2026-01-31T12:00:00Z","oldest_age":12,"queue":"c:t@ex/ample.test!r","scheduled":3,"state":"waiting"}"#
        )
        try Self.check(
            QueueStatus(
                queue: "a", scheduled: 0, due: 0, active: 0, delivered: 0, oldestAge: nil, nextDue: nil, state: "idle", blockedBy: nil,
                lastReply: nil),
            #"{"active":0,"delivered":0,"due":0,"queue":"a","scheduled":0,"state":"idle"}"#)
        try Self.check(
            QueueStatus(
                queue: "a", scheduled: 0, due: 0, active: 0, delivered: 0, oldestAge: 0.125, nextDue: nil, state: "idle", blockedBy: nil,
                lastReply: nil),
            #"{"active":0,"delivered":0,"due":0,"oldest_age":0.125,"queue":"a","scheduled":0,"state":"idle"}"#)
        try Self.check(
            PauseStatus(queue: "q", reason: "r", issuer: "i", since: "s"),
            #"{"issuer":"i","queue":"q","reason":"r","since":"s"}"#)
        try Self.check(
            MemberStatus(
                node: "n", address: "h:1", zone: "z", version: "v", state: "ready", status: "alive", spools: ["a/b", ""], joined: "j",
                lastSeen: 1.5, isSelf: true),
            #"{"address":"h:1","joined":"j","last_seen":1.5,"node":"n","self":true,"spools":["a/b",""],"state":"ready","status":"alive","version":"v","zone":"z"}"#
        )
        try Self.check(
            LimitStatus(
                limit: "l", kind: "rate", value: "1000/min", used: nil, held: 1, wants: 2, waiting: 3, mode: "redis", share: 0.5,
                nodes: [.init(node: "n", has: 1, wants: 2, waitsSeconds: 0)]),
            #"{"held":1,"kind":"rate","limit":"l","mode":"redis","nodes":[{"has":1,"node":"n","waits_seconds":0,"wants":2}],"share":0.5,"value":"1000/min","waiting":3,"wants":2}"#
        )
        try Self.check(
            LimitStatus(limit: "l", kind: "rate", value: "1", used: 7, held: 1, wants: 2, waiting: 3, mode: "redis", share: 1, nodes: []),
            #"{"held":1,"kind":"rate","limit":"l","mode":"redis","nodes":[],"share":1,"used":7,"value":"1","waiting":3,"wants":2}"#)
        try Self.check(
            Explanation(
                subject: "queue a", answers: [.init(node: "n", found: true, sentences: ["a", "b/"])],
                unanswered: [.init(node: "m", reason: "r")]),
            #"{"answers":[{"found":true,"node":"n","sentences":["a","b/"]}],"subject":"queue a","unanswered":[{"node":"m","reason":"r"}]}"#)
        try Self.check(
            RuleID(id: "x"),
            #"{"id":"x"}"#)
        try Self.check(
            BounceCount(id: nil, bounced: ["b": 1, "B": 2, "a@b": 3, "a_b": 4, "é": 5, "a:b": 6], totalBounced: 21),
            #"{"bounced":{"B":2,"a:b":6,"a@b":3,"a_b":4,"b":1,"é":5},"total_bounced":21}"#)
        try Self.check(
            BounceCount(id: "i", bounced: [:], totalBounced: 0),
            #"{"bounced":{},"id":"i","total_bounced":0}"#)
        try Self.check(
            RuleStatus(id: "i", reason: "r", issuer: "j", created: "c"),
            #"{"created":"c","id":"i","issuer":"j","reason":"r"}"#)
        try Self.check(
            Self.wholeRule,
            #"{"bounced":{"q":1},"campaign":"c","created":"c","domain":"d","duration":"5m","everything":true,"expires":"e","id":"i","issuer":"j","name":"s->m","node":"n","queue_names":["q"],"reason":"r","routing_domain":"rd","tenant":"t","total_bounced":1}"#
        )
    }

    @Test func ordersHoldWhatWasGiven() {
        var order = RuleOrder(reason: "r/")
        #expect(String(decoding: order.json.bytes(.api), as: UTF8.self) == #"{"reason":"r/"}"#)
        order.queueNames = ["a", "b"]
        order.everything = true
        order.data = ["x": nil, "y": "1"]
        #expect(
            String(decoding: order.json.bytes(.api), as: UTF8.self)
                == #"{"data":{"x":null,"y":"1"},"everything":true,"queue_names":["a","b"],"reason":"r/"}"#)
    }

    @Test(arguments: [
        ("", ""), ("aZ09-._~", "aZ09-._~"), ("a b+c/%\"é", "a%20b%2Bc%2F%25%22%C3%A9"), ("a->b@c", "a-%3Eb%40c"),
    ])
    func queriesAreEncoded(_ text: String, _ expected: String) { #expect(QueryText.encoded(text) == expected) }

    @Test(arguments: ["{}", "[]", #"{"id":5}"#, "null"]) func whatIsNoAnswerIsRefused(_ text: String) {
        #expect(throws: JSONFault.self) { try RuleID(json: JSONValue(parsing: text)) }
    }
}
