import Client
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Sessions that break between messages: nobody is charged for that, and mail goes on at once.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SessionBreakTests {
    /// *Value.* How a server ends a session, and what it offers.
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var keywords: [String] = ["PIPELINING"]
        var path = ""
        var lineEnd = "\r\n"
        /// Connections for three messages, at most.
        var connections = 3
        var script: ScriptedPeer.Script
        var testDescription: String { name }

        init(
            _ name: String, keywords: [String] = ["PIPELINING"], path: String = "", lineEnd: String = "\r\n", connections: Int = 3,
            script: @escaping ScriptedPeer.Script
        ) {
            self.name = name
            self.keywords = keywords
            self.path = path
            self.lineEnd = lineEnd
            self.connections = connections
            self.script = script
        }
    }

    private static func at(_ verb: String, count: Int = 1, _ answer: ScriptedPeer.Answer) -> ScriptedPeer.Script {
        { $0.verb == verb && $0.count == count ? answer : .usual }
    }

    static let breaks: [(String, ScriptedPeer.Script)] = [
        ("RSET: EOF", at("RSET", .hangUp)),
        ("RSET: no answer", at("RSET", .dead)), ("RSET: no answer, but to the rest", at("RSET", .silence)),
        ("RSET: 421", at("RSET", .sayAndHangUp("421 4.4.2 idle too long\r\n"))),
        ("RSET: garbage", at("RSET", .say("what?\r\n"))),
        (
            "RSET: 502, and MAIL 503",
            { $0.verb == "RSET" ? .say("502 what?\r\n") : $0.verb == "MAIL" && $0.count == 2 ? .say("503 no\r\n") : .usual }
        ),
        (
            "RSET: 451, and MAIL hangs up",
            { $0.verb == "RSET" ? .say("451 no\r\n") : $0.verb == "MAIL" && $0.count == 2 ? .hangUp : .usual }
        ),
        ("MAIL: EOF", at("MAIL", count: 2, .hangUp)),
        ("MAIL: 421", at("MAIL", count: 2, .sayAndHangUp("421 4.7.0 too many messages in this connection\r\n"))),
        ("EOF behind the last reply", at(".", .sayAndHangUp("250 queued\r\n"))),
        ("421 behind the last reply", at(".", .sayAndHangUp("250 queued\r\n421 one message at a time\r\n"))),
    ]

    static let servers: [(String, [String], String)] = [
        ("pipelined", ["PIPELINING"], ""), ("step by step", [], ""), ("chunked", ["PIPELINING", "CHUNKING"], ""),
        ("LMTP", ["PIPELINING"], ", use_lmtp = true"), ("without RSET", ["PIPELINING"], ", enable_rset = false"),
    ]

    static let rows: [Row] = servers.flatMap { server, keywords, path in
        breaks.filter { name, _ in
            // What answers BDAT then is taken for an answer to RCPT, and the message has been sent.
            !(path.contains("enable_rset") && name.hasPrefix("RSET")) && !(server == "chunked" && name.hasSuffix("rest"))
        }.map { name, script in
            Row("\(server), \(name)", keywords: keywords, path: path, script: script)
        }
    }

    @Test(arguments: rows) func nobodyIsCharged(_ row: Row) async throws {
        let peer = try await ScriptedPeer(keywords: row.keywords, script: row.script)
        let plan = RigPlan(
            queue: "retry_interval = '1 hour'", path: "prohibited_hosts = {}, connection_limit = 1, rset_timeout = '1s'\(row.path)",
            port: peer.port)
        let records = try await Rig.run(plan) { rig in
            try rig.pause("example.com")
            let client = try rig.client()
            for index in 0..<3 { try client.deliver(to: ["u\(index)@example.com"], id: "m\(index)") }
            try rig.resume("example.com")
            try await expectEventually("delivered", within: .seconds(8)) { rig.metric("total_messages_delivered") == 3 }
            #expect(rig.metric("total_messages_transfail") == 0)
            return try await rig.records()
        }
        #expect(peer.connections <= row.connections)
        #expect(!records.contains { $0.type == "TransientFailure" || $0.type == "Bounce" })
        #expect(records.filter { $0.type == "Delivery" }.map(\.num_attempts) == [1, 1, 1])
        await peer.stop()
    }

    /// The first message of a session is charged: so a host that ends every session at once is not dialled for ever.
    @Test(arguments: ["hang up", "421", "greeting", "EHLO"]) func aHostThatBreaksEverySessionIsNotDialledForEver(_ how: String) async throws
    {
        let peer = try await ScriptedPeer { event in
            switch (how, event.verb) {
            case ("hang up", "MAIL"), ("greeting", "connect"), ("EHLO", "EHLO"): .hangUp
            case ("421", "MAIL"): .sayAndHangUp("421 4.3.2 not now\r\n")
            default: .usual
            }
        }
        let plan = RigPlan(queue: "retry_interval = '1 hour'", path: "prohibited_hosts = {}, connection_limit = 1", port: peer.port)
        try await Rig.run(plan) { rig in
            try rig.pause("example.com")
            let client = try rig.client()
            for index in 0..<3 { try client.deliver(to: ["u\(index)@example.com"], id: "m\(index)") }
            try rig.resume("example.com")
            try await expectEventually("each is charged once") { rig.metric("total_messages_transfail") == 3 }
            #expect(peer.connections == 3)
        }
        await peer.stop()
    }

    /// A message that needs several transactions goes on where it was.
    @Test func whatWasDeliveredOfAMessageIsNotSentAgain() async throws {
        let peer = try await ScriptedPeer(script: Self.at("RSET", .hangUp))
        let plan = RigPlan(
            listener: "batch_handling = 'BatchByDomain'", queue: "retry_interval = '1 hour'",
            path: "prohibited_hosts = {}, connection_limit = 1, max_recipients_per_batch = 1", port: peer.port)
        let records = try await Rig.run(plan) { rig in
            try rig.client().deliver(to: (0..<3).map { "u\($0)@example.com" })
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 3 }
            return try await rig.records()
        }
        #expect(peer.lines(".").count == 3 && peer.connections == 3)
        #expect(!records.contains { $0.type == "TransientFailure" })
        #expect(
            Set(records.filter { $0.type == "Delivery" }.flatMap(\.recipient.all)) == [
                "u0@example.com", "u1@example.com", "u2@example.com",
            ])
        await peer.stop()
    }

    /// A session that was opened and never used may be gone when its first message comes.
    @Test func aSessionThatWasNeverUsedIsNotTheMessagesFault() async throws {
        let peer = try await ScriptedPeer { event in
            guard event.connection == 1 else { return .usual }
            return event.verb == "EHLO" ? .late(300) : event.verb == "MAIL" ? .hangUp : .usual
        }
        let plan = RigPlan(
            queue: "retry_interval = '1 hour'", path: "prohibited_hosts = {}, connection_limit = 1, idle_timeout = '20s'", port: peer.port)
        try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("greeted") { !peer.lines("EHLO").isEmpty }
            try rig.pause("example.com")
            try await expectEventually("taken back") { await rig.queue("example.com")?.scheduled == 1 }
            // What a server would take to close an idle session; the node looks at its own clock.
            try await Task.sleep(for: .milliseconds(1600))
            try rig.resume("example.com")
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 1 }
            #expect(rig.metric("total_messages_transfail") == 0 && peer.connections == 2)
        }
        await peer.stop()
    }
}
