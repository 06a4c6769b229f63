import Cluster
import Options
import Resources
import Shaping
import Spool
import Telemetry
import TestSupport
import Testing

@testable import Delivery
@testable import Intake

/// A session from the greeting to the queue, through a real listener and a real spool, without a node.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SMTPSessionTests {
    @Test func aMessageIsInItsQueueWhenItIsAcknowledged() async throws {
        try await IntakeRig.run { rig in
            let client = try rig.client()
            let reply = try client.deliver(to: ["ann@example.com"])
            #expect(reply.hasPrefix("250 OK ids="), "\(reply)")
            #expect(try await rig.arrived(1) == ["example.com": 1])
            #expect(rig.services.metrics.messageCount.value == 1)
            let id = try #require(reply.split(separator: "=").last)
            #expect(id.count == 32 && rig.services.metrics.received.value == 1)
        }
    }

    @Test func whoIsNoRelayHostMayNotRelay() async throws {
        try await IntakeRig.run(listener: ["relay_hosts": .list([.string("192.0.2.1")])]) { rig in
            let reply = try rig.client().deliver(to: ["ann@example.com"])
            #expect(reply.hasPrefix("550 5.7.1 relaying not permitted for 127.0.0.1"), "\(reply)")
            #expect(await rig.queued().isEmpty)
        }
    }

    /// Each recipient is a message of its own, or all of a domain together.
    @Test(arguments: [("individual", 3, 3), ("BatchByDomain", 2, 2)] as [(String, Int, Int)])
    func recipientsAreSplit(_ handling: String, _ ids: Int, _ messages: Int) async throws {
        let options: [String: ConfigValue] = handling == "individual" ? [:] : ["batch_handling": .string(handling)]
        try await IntakeRig.run(listener: options) { rig in
            let reply = try rig.client().deliver(to: ["a@one.test", "b@one.test", "c@two.test", "a@one.test"])
            #expect(reply.split(separator: " ").count == ids + 2, "\(reply)")
            #expect(try await rig.arrived(messages).values.reduce(0, +) == messages, "a recipient named twice counts once")
        }
    }

    @Test func aNodeThatStopsTakesNobody() async throws {
        try await IntakeRig.run { rig in
            rig.services.state.phase = .stopping
            let client = try RawClient(port: rig.port)
            #expect(client.greeting.hasPrefix("421 4.3.2") && client.greeting.contains("shutting down"), "\(client.greeting)")
        }
    }

    @Test func withoutMemoryNothingIsTaken() async throws {
        try await IntakeRig.run(resident: 1 << 20) { rig in
            let client = try rig.client()
            rig.services.resident.add(2 << 20)
            let reply = try client.say("MAIL FROM:<a@b.test>")
            #expect(reply.hasPrefix("452 4.3.1 load shedding"), "\(reply)")
            rig.services.resident.remove(2 << 20)
            #expect(try client.deliver(to: ["ann@example.com"]).hasPrefix("250"), "the session goes on")
        }
    }

    /// Every octet of memory that a session took for others is given back.
    @Test func whatWasHeldIsGivenBack() async throws {
        try await IntakeRig.run { rig in
            let client = try rig.client()
            for index in 0..<20 { try client.deliver(to: ["u\(index)@example.com"], body: String(repeating: "some text\r\n", count: 500)) }
            _ = try await rig.arrived(20)
            try client.say("QUIT")
            try await expectEventually("the session's memory is free") { rig.services.resident.bytes(.smtp) == 0 }
            #expect(rig.services.resident.bytes(.queued) > 20 * 5000, "the queues hold the content")
            #expect(rig.listener.gate.sessions == 0)
        }
    }

    /// A message that goes round is refused before it is stored (RFC 5321 6.3).
    @Test func aLoopIsRefused() async throws {
        try await IntakeRig.run(listener: ["max_received_headers": .integer(3)]) { rig in
            let client = try rig.client()
            try client.say("MAIL FROM:<a@b.test>")
            try client.say("RCPT TO:<c@example.com>")
            try client.say("DATA")
            let reply = try client.say(String(repeating: "Received: from x by y\r\n", count: 4) + "\r\nhello\r\n.")
            #expect(reply.hasPrefix("554 5.4.6 mail loop"), "\(reply)")
            #expect(await rig.queued().isEmpty)
        }
    }

    // MARK: With a policy

    private static let policy = """
        local kumo = require 'kumo'
        kumo.on('init', function() kumo.start_esmtp_listener { listen = '127.0.0.1:0' } end)
        kumo.on('smtp_server_message_received', function(msg)
          local recipient = tostring(msg:recipient())
          if recipient:find('bad') then kumo.reject(550, '5.7.1 not that one') end
          if recipient:find('broken') then error('oops') end
          if recipient:find('null') then msg:set_meta('queue', 'null') end
          if recipient:find('odd') then msg:set_meta('tenant', string.char(10)) end
          if recipient:find('gold') then msg:set_meta('tenant', 'gold') end
        end)
        """

    /// Recipients, what the client hears, and the queues.
    @Test(
        arguments: [
            (["gold@x.test"], "250 OK ids=", ["gold@x.test": 1]), (["bad@x.test"], "550 5.7.1 not that one", [:]),
            (["a@x.test", "bad@x.test", "b@x.test"], "250 PARTIAL ids=", ["x.test": 2]),
            (["broken@x.test"], "451 4.3.0 technical difficulties", [:]), (["null@x.test"], "250 OK ids=", [:]),
            (["odd@x.test"], "451 4.3.5 the meta value 'tenant' cannot be used", [:]),
        ] as [([String], String, [String: Int])])
    func thePolicyDecides(_ recipients: [String], _ text: String, _ queues: [String: Int]) async throws {
        try await IntakeRig.run(policy: Self.policy) { rig in
            let reply = try rig.client().deliver(to: recipients)
            #expect(reply.hasPrefix(text), "\(reply)")
            #expect(try await rig.arrived(queues.values.reduce(0, +)) == queues)
        }
    }
}
