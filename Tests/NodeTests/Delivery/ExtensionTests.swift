import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// What a message needs of the other side, and what that side cannot have.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ExtensionTests {
    /// *Value.* A message, what the server offers, and what MAIL says; nil when the message bounces.
    struct Row: Sendable, CustomTestStringConvertible {
        var header: String
        var body: String
        var recipient = "u@example.com"
        var keywords: [String]
        var parameters: String?
        var enhanced = ""
        var path = ""
        var testDescription: String { "\(header) | \(body) | \(recipient) | \(keywords.joined(separator: " "))\(path)" }
    }

    private static let plain = "Subject: test"
    private static let utf8 = "Subject: Grüße"

    static let rows: [Row] = [
        Row(header: plain, body: "hello", keywords: ["8BITMIME", "SMTPUTF8"], parameters: ""),
        Row(header: plain, body: "grüße", keywords: ["8BITMIME", "SMTPUTF8"], parameters: " BODY=8BITMIME"),
        Row(header: utf8, body: "hello", keywords: ["8BITMIME", "SMTPUTF8"], parameters: " BODY=8BITMIME SMTPUTF8"),
        Row(header: utf8, body: "grüße", keywords: ["PIPELINING", "8BITMIME", "SMTPUTF8"], parameters: " BODY=8BITMIME SMTPUTF8"),
        Row(header: "X-Last: \u{1F4E7}", body: "hello", keywords: ["8BITMIME", "SMTPUTF8"], parameters: " BODY=8BITMIME SMTPUTF8"),
        Row(header: "X-Folded: a\r\n b\r\n ü", body: "hello", keywords: ["8BITMIME", "SMTPUTF8"], parameters: " BODY=8BITMIME SMTPUTF8"),
        Row(header: utf8, body: "hello", keywords: ["8BITMIME"], enhanced: "5.6.7"),
        Row(header: utf8, body: "grüße", keywords: ["PIPELINING", "8BITMIME"], enhanced: "5.6.7"),
        Row(header: utf8, body: "hello", keywords: [], enhanced: "5.6.7"),
        Row(header: utf8, body: "hello", keywords: ["SMTPUTF8"], enhanced: "5.6.3"),
        Row(header: plain, body: "grüße", keywords: ["SMTPUTF8"], enhanced: "5.6.3"),
        Row(header: plain, body: "grüße", keywords: ["8BITMIME"], parameters: " BODY=8BITMIME"),
        Row(
            header: plain, body: "hello", recipient: "grüße@example.com", keywords: ["8BITMIME", "SMTPUTF8"],
            parameters: " BODY=8BITMIME SMTPUTF8"),
        Row(header: plain, body: "hello", recipient: "grüße@example.com", keywords: ["8BITMIME"], enhanced: "5.6.7"),
        Row(header: utf8, body: "hello", keywords: [], parameters: "", path: ", ignore_8bit_checks = true"),
        Row(header: utf8, body: "hello", keywords: ["8BITMIME"], parameters: " BODY=8BITMIME", path: ", ignore_8bit_checks = true"),
    ]

    static func send(_ rig: Rig, _ row: Row) throws {
        let client = try rig.client()
        try client.say("MAIL FROM:<news@sender.test> BODY=8BITMIME SMTPUTF8")
        try client.say("RCPT TO:<\(row.recipient)>")
        try client.say("DATA")
        #expect(try client.say("Message-ID: <m@test>\r\n\(row.header)\r\n\r\n\(row.body)\r\n.").hasPrefix("250"))
    }

    @Test(arguments: rows, [false, true]) func mailSaysWhatTheMessageNeeds(_ row: Row, _ isRecovered: Bool) async throws {
        let peer = try await ScriptedPeer(keywords: row.keywords)
        let plan = RigPlan(queue: "retry_interval = '1 hour'", path: "prohibited_hosts = {}\(row.path)", port: peer.port)
        let bounces = try await Rig.run(plan) { rig in
            if isRecovered { try rig.pause("example.com") }
            try Self.send(rig, row)
            if isRecovered {
                try await rig.restart()
                try rig.resume("example.com")
            }
            try await expectEventually("settled") { rig.metric("total_messages_delivered") + rig.metric("total_messages_fail") == 1 }
            return try await rig.records("Bounce")
        }
        if let parameters = row.parameters {
            #expect(peer.lines("MAIL") == ["MAIL FROM:<news@sender.test>\(parameters)"])
            #expect(bounces.isEmpty)
        } else {
            #expect(peer.lines("MAIL").isEmpty)
            #expect(bounces.map(\.response.enhanced) == [row.enhanced])
        }
        await peer.stop()
    }

    /// Recipients whose addresses can be written do not bounce for the one whose address cannot.
    @Test func addressesInUTF8DoNotTakeOthersAlong() async throws {
        let peer = try await ScriptedPeer(keywords: ["PIPELINING"])
        let plan = RigPlan(listener: "batch_handling = 'BatchByDomain'", queue: "retry_interval = '1 hour'", port: peer.port)
        let records = try await Rig.run(plan) { rig in
            let client = try rig.client()
            try client.say("MAIL FROM:<news@sender.test> SMTPUTF8")
            for name in ["a", "b", "grüße", "c"] { try client.say("RCPT TO:<\(name)@example.com>") }
            try client.say("DATA")
            try client.say("Subject: x\r\n\r\nhello\r\n.")
            try await expectEventually("settled") { rig.metric("total_messages_delivered") + rig.metric("total_messages_fail") == 4 }
            return try await rig.records("Bounce")
        }
        #expect(records.map(\.recipient.all) == [["grüße@example.com"]])
        #expect(records.first?.response.enhanced == "5.6.7")
        await peer.stop()
    }

    // MARK: Line ends, and 552

    @Test(arguments: [["PIPELINING", "8BITMIME"], [], ["PIPELINING", "CHUNKING"]], ["\n", "\r\n"])
    func aServerThatEndsLinesWithLFIsDeliveredTo(_ keywords: [String], _ queued: String) async throws {
        let peer = try await ScriptedPeer(keywords: keywords, lineEnd: "\n") { $0.verb == "." ? .say("250 queued\(queued)") : .usual }
        try await Rig.run(RigPlan(queue: "retry_interval = '1 hour'", path: "prohibited_hosts = {}, connection_limit = 1", port: peer.port))
        { rig in
            let client = try rig.client()
            for index in 0..<5 { try client.deliver(to: ["u\(index)@example.com"], id: "m\(index)") }
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 5 }
            #expect(rig.metric("total_messages_transfail") == 0)
        }
        await peer.stop()
    }

    @Test(arguments: [
        ("552\r\n", "Bounce"), ("552 mailbox full\r\n", "Bounce"), ("552 5.2.2 mailbox full\r\n", "Bounce"),
        ("552 too many recipients\r\n", "TransientFailure"), ("452\r\n", "TransientFailure"),
        ("552 5.5.3 too many\r\n", "TransientFailure"),
    ])
    func a552ForOneRecipient(_ reply: String, _ type: String) async throws {
        let peer = try await ScriptedPeer { $0.verb == "RCPT" ? .say(reply) : $0.verb == "DATA" ? .say("503 nobody\r\n") : .usual }
        let records = try await Rig.run(RigPlan(queue: "retry_interval = '1 hour'", port: peer.port)) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("settled") { rig.metric("total_messages_fail") + rig.metric("total_messages_transfail") == 1 }
            return try await rig.records()
        }
        #expect(records.filter { $0.type != "Reception" }.map(\.type) == [type])
        #expect(records.last?.response.code == Int(reply.prefix(3)))
        await peer.stop()
    }

    /// Behind others that were accepted it means too many, so that recipient goes again at once; alone it means what it says.
    @Test(arguments: [true, false]) func a552BehindOthers(_ isFullForOne: Bool) async throws {
        let peer = try await ScriptedPeer { event in
            guard event.verb == "RCPT" else {
                return event.verb == "DATA" && event.count == 2 && isFullForOne ? .say("503 nobody\r\n") : .usual
            }
            return (isFullForOne ? event.line.contains("u1@") : event.count == 2) ? .say("552 no\r\n") : .usual
        }
        let plan = RigPlan(
            listener: "batch_handling = 'BatchByDomain'", queue: "retry_interval = '1 hour'",
            path: "prohibited_hosts = {}, connection_limit = 1", port: peer.port)
        let records = try await Rig.run(plan) { rig in
            try rig.client().deliver(to: ["u0@example.com", "u1@example.com"])
            try await expectEventually("settled") { rig.metric("total_messages_delivered") + rig.metric("total_messages_fail") == 2 }
            #expect(rig.metric("total_messages_transfail") == 0)
            return try await rig.records()
        }
        #expect(records.filter { $0.type == "Bounce" }.map(\.recipient.all) == (isFullForOne ? [["u1@example.com"]] : []))
        await peer.stop()
    }
}
