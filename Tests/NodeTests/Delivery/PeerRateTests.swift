import Shaping
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Rates, counted where they are promised: at the peer, by the time MAIL is read and connections come in.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PeerRateTests {
    /// *Value.* A limit, and a server that makes some of what it counts late.
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var limit: Int
        var messages: Int
        var path: String
        var queue: String
        var script: ScriptedPeer.Script
        var keywords = ["PIPELINING"]
        var testDescription: String { name }
    }

    static let limits: [(String, Int, Int, String, String)] = [
        ("max_message_rate 20/s", 20, 50, ", max_message_rate = '20/s'", ""),
        ("max_message_rate 100/s", 100, 230, ", max_message_rate = '100/s'", ""),
        ("additional throttle 20/s", 20, 50, ", additional_message_rate_throttles = { t = '20/s', wide = '1000/s' }", ""),
        ("queue 20/s", 20, 50, "", ", max_message_rate = '20/s'"),
        ("queue 20/s, path 30/s", 20, 50, ", max_message_rate = '30/s'", ", max_message_rate = '20/s'"),
    ]

    static let servers: [(String, ScriptedPeer.Script)] = [
        ("quick", { _ in .usual }),
        ("slow greeting", { $0.verb == "connect" ? .late(150 * $0.connection) : .usual }),
        ("slow EHLO", { $0.verb == "EHLO" ? .late(850 - 70 * min(10, $0.connection)) : .usual }),
        ("slow MAIL", { $0.verb == "MAIL" ? .late(40 + 50 * ($0.connection % 3)) : .usual }),
        ("slow end of content", { $0.verb == "." ? .late(30 + 90 * ($0.count % 3)) : .usual }),
        (
            "breaks",
            { $0.verb == "RSET" && $0.count % 3 == 0 ? .hangUp : $0.verb == "connect" && $0.connection % 4 == 3 ? .late(400) : .usual }
        ),
    ]

    static let rows: [Row] = limits.flatMap { limit in
        servers.map { server in
            Row(name: "\(limit.0), \(server.0)", limit: limit.1, messages: limit.2, path: limit.3, queue: limit.4, script: server.1)
        }
    }

    @Test(arguments: rows) func messages(_ row: Row) async throws {
        let peer = try await ScriptedPeer(keywords: row.keywords, script: row.script)
        let plan = RigPlan(
            queue: "retry_interval = '1s'\(row.queue)", path: "prohibited_hosts = {}, connection_limit = 8\(row.path)", port: peer.port)
        try await Rig.run(plan) { rig in
            try rig.pause("example.com")
            let client = try rig.client()
            for index in 0..<row.messages { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try rig.resume("example.com")
            try await expectEventually("delivered", within: .seconds(30)) {
                rig.metric("total_messages_delivered") == Double(row.messages)
            }
        }
        let times = peer.times("MAIL")
        #expect(ScriptedPeer.most(times, within: 1_000_000_000) <= row.limit)
        await peer.stop()
    }

    @Test(arguments: ["quick", "slow greeting", "every other is hung up on", "every session ends behind a message"])
    func connections(_ name: String) async throws {
        let domain = name.hasPrefix("every other") ? "two.test" : "example.com"
        let peer = try await ScriptedPeer { event in
            switch (name, event.verb) {
            case ("slow greeting", "connect"): .late(150 * event.connection)
            case ("every other is hung up on", "connect"): event.connection % 2 == 1 ? .hangUp : .usual
            case ("every session ends behind a message", "."): .sayAndHangUp("250 OK\r\n")
            default: .usual
            }
        }
        var plan = RigPlan(
            queue: "retry_interval = '1s'",
            path: "prohibited_hosts = {}, connection_limit = 8, max_deliveries_per_connection = 1, max_connection_rate = '5/s'",
            port: peer.port)
        plan.zone = [
            "two.test. 60 IN MX 10 a.two.test.", "two.test. 60 IN MX 20 b.two.test.", "a.two.test. 60 IN A 127.0.0.1",
            "b.two.test. 60 IN A 127.0.0.1",
        ]
        try await Rig.run(plan) { rig in
            try rig.pause(domain)
            let client = try rig.client()
            for index in 0..<12 { try client.deliver(to: ["u@\(domain)"], id: "m\(index)") }
            try rig.resume(domain)
            try await expectEventually("delivered", within: .seconds(20)) { rig.metric("total_messages_delivered") == 12 }
        }
        let times = peer.times("connect")
        #expect(times.count >= 12)
        #expect(ScriptedPeer.most(times, within: 1_000_000_000) <= 5)
        await peer.stop()
    }

    /// A rate of a queue does not hold others that share its path, and does not get slower by it.
    @Test func queuesOfOnePathHaveTheirOwnRates() async throws {
        let peer = try await ScriptedPeer()
        var plan = RigPlan(queue: nil, path: "prohibited_hosts = {}, connection_limit = 2", port: peer.port)
        plan.policy = """
            kumo.on('get_queue_config', function(domain)
              return { max_message_rate = domain == 'twin.test' and '10/s,max_burst=1' or nil }
            end)
            """
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<21 { try client.deliver(to: ["u@twin.test"], id: "t\(index)") }
            for index in 0..<50 { try client.deliver(to: ["u@example.com"], id: "e\(index)") }
            try await expectEventually("delivered", within: .seconds(8)) { rig.metric("total_messages_delivered") == 71 }
        }
        let times = peer.heard.filter { $0.event.verb == "RCPT" && $0.event.line.contains("twin.test") }.map(\.time).sorted()
        #expect(times.count == 21 && ScriptedPeer.most(times, within: 1_000_000_000) <= 10)
        let span = Double((times.last ?? 0) - (times.first ?? 0)) / 1e9
        #expect(span < 12, "21 messages at 10 a second took \(span) s")
        await peer.stop()
    }
}
