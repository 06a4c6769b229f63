import Client
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Node

/// Sessions that never open: what the server said is in the record, the listing, `explain`, whatever it was.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RefusalTests {
    /// *Value.* What a server says, and what becomes of it.
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var code: Int
        var enhanced: String
        var content: [String]
        var command: String?
        var path = ""
        var script: ScriptedPeer.Script
        var testDescription: String { name }

        init(
            _ name: String, _ code: Int, _ enhanced: String, _ content: String..., command: String?, path: String = "",
            script: @escaping ScriptedPeer.Script
        ) {
            self.name = name
            self.code = code
            self.enhanced = enhanced
            self.content = content
            self.command = command
            self.path = path
            self.script = script
        }
    }

    private static func on(_ verb: String, _ answer: ScriptedPeer.Answer) -> ScriptedPeer.Script {
        { $0.verb == verb ? answer : .usual }
    }

    private static let blocked = "Service unavailable; client [192.0.2.1] blocked using zen.example"

    static let rows: [Row] = [
        Row(
            "greeting 554", 554, "5.7.1", blocked, command: "banner", script: on("connect", .sayAndHangUp("554 5.7.1 \(blocked)\r\n"))),
        Row(
            "greeting 554 in lines", 554, "5.7.1", "Service unavailable blocked using zen.example", command: "banner",
            script: on("connect", .say("554-5.7.1 Service unavailable\r\n554 5.7.1 blocked using zen.example\r\n"))),
        Row(
            "greeting 554 with bare LF", 554, "5.7.1", blocked, command: "banner",
            script: on("connect", .sayAndHangUp("554 5.7.1 \(blocked)\n"))),
        Row("greeting 554 without text", 554, "", "", command: "banner", script: on("connect", .sayAndHangUp("554\r\n"))),
        Row("greeting 450", 450, "4.7.1", "greylisted", command: "banner", script: on("connect", .say("450 4.7.1 greylisted\r\n"))),
        Row("greeting 421", 421, "4.3.2", "busy", command: "banner", script: on("connect", .sayAndHangUp("421 4.3.2 busy\r\n"))),
        Row(
            "greeting 521", 521, "", "no mail here", command: "banner", script: on("connect", .say("521 no mail here\r\n"))),
        Row("greeting 354", 400, "4.4.2", "354 go on", command: "banner", script: on("connect", .say("354 go on\r\n"))),
        Row("closed at once", 400, "4.4.2", "closed by the server", "the greeting", command: "banner", script: on("connect", .hangUp)),
        Row(
            "no greeting", 400, "4.4.2", "timeout", "the greeting", command: "banner", path: ", banner_timeout = '1s'",
            script: on("connect", .silence)),
        Row(
            "SSH", 400, "4.4.2", "SSH-2.0-OpenSSH_9.2", command: "banner", script: on("connect", .say("SSH-2.0-OpenSSH_9.2\r\n"))),
        Row(
            "HTTP", 400, "4.4.2", "HTTP/1.1 400 Bad Request", command: "banner",
            script: on("connect", .sayAndHangUp("HTTP/1.1 400 Bad Request\r\n\r\n"))),
        Row(
            "TLS", 400, "4.4.2", "incomplete reply", command: "banner",
            script: on("connect", .sayAndHangUp("\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}F"))),
        Row("EHLO 554, then closed", 554, "5.7.1", blocked, command: "ehlo", script: on("EHLO", .sayAndHangUp("554 5.7.1 \(blocked)\r\n"))),
        Row(
            "EHLO 550, HELO unknown", 550, "5.7.1", blocked, command: "ehlo",
            script: { $0.verb == "EHLO" ? .say("550 5.7.1 \(blocked)\r\n") : $0.verb == "HELO" ? .say("502 what?\r\n") : .usual }),
        Row(
            "EHLO and HELO 550", 550, "5.7.1", "no, really", command: "helo",
            script: { $0.verb == "EHLO" ? .say("550 5.7.1 no\r\n") : $0.verb == "HELO" ? .say("550 5.7.1 no, really\r\n") : .usual }),
        Row("EHLO 450", 450, "4.7.1", "later", command: "ehlo", script: on("EHLO", .say("450 4.7.1 later\r\n"))),
        Row("EHLO 421", 421, "4.7.0", "too many", command: "ehlo", script: on("EHLO", .sayAndHangUp("421 4.7.0 too many\r\n"))),
        Row("EHLO 354", 400, "4.4.2", "354 what", command: "ehlo", script: on("EHLO", .say("354 what\r\n"))),
        Row("EHLO garbage", 400, "4.4.2", "hello there", command: "ehlo", script: on("EHLO", .say("hello there\r\n"))),
        Row(
            "LHLO 550", 550, "5.7.1", "no LMTP", command: "lhlo", path: ", use_lmtp = true",
            script: on("LHLO", .say("550 5.7.1 no LMTP\r\n"))),
    ]

    @Test(arguments: rows) func whatWasSaidIsKept(_ row: Row) async throws {
        let peer = try await ScriptedPeer(script: row.script)
        let plan = RigPlan(queue: "retry_interval = '1 hour'", path: "prohibited_hosts = {}\(row.path)", port: peer.port)
        let records = try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("deferred") { rig.metric("total_messages_transfail") == 1 }
            let status = try #require(await rig.queue("example.com"))
            let reply = try #require(status.lastReply)
            let path = try #require(rig.node.services.paths.all.first?.name)
            let explained = await rig.node.explainer.explain(.path(path), cluster: false).answers[0].sentences.joined(separator: "\n")
            let queue = await rig.node.explainer.explain(.queue("example.com"), cluster: false).answers[0].sentences.joined(separator: "\n")
            for text in row.content {
                #expect(reply.contains(text) && explained.contains(text) && queue.contains(text), "\(reply)")
            }
            #expect(reply.hasPrefix("\(row.code)"), "\(reply)")
            #expect(!reply.contains("failed to connect"), "\(reply)")
            return try await rig.records("TransientFailure")
        }
        let response = try #require(records.first?.response)
        #expect(records.count == 1 && response.code == row.code && response.enhanced == row.enhanced)
        #expect(response.command == row.command)
        for text in row.content { #expect(response.content.contains(text), "\(response.content)") }
        #expect(!response.content.contains("failed to connect"))
        await peer.stop()
    }

    /// Two hosts: one that refuses, one that does not listen.
    @Test func everyHostIsListedWithWhatItSaid() async throws {
        let peer = try await ScriptedPeer(script: Self.on("connect", .sayAndHangUp("554 5.7.1 \(Self.blocked)\r\n")))
        let records = try await Rig.run(RigPlan(queue: "retry_interval = '1 hour'", port: peer.port)) { rig in
            try rig.send(to: "u@backup.test")
            try await expectEventually("deferred") { rig.metric("total_messages_transfail") == 1 }
            return try await rig.records("TransientFailure")
        }
        let response = try #require(records.first?.response)
        #expect(response.code == 554 && response.enhanced == "5.7.1")
        #expect(response.content.hasPrefix(Self.blocked + " (hosts tried: dead.backup.test[127.0.0.9]:\(peer.port): Connection refused; "))
        #expect(response.content.contains("mx.example.com[127.0.0.1]:\(peer.port): 554 5.7.1 \(Self.blocked)"))
        await peer.stop()
    }
}
