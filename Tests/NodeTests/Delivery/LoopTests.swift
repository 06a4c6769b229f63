import NIOCore
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Mail whose way leads to the node itself.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LoopTests {
    /// A port that was free a moment ago; the policy has to know it before the listener is bound.
    private static func freePort() throws -> Int { try RawServer().port }

    static let interface = ((try? NIOCore.System.enumerateDevices()) ?? []).compactMap { $0.address?.ipAddress }
        .first { !$0.hasPrefix("127.") && !$0.contains(":") }

    @Test(arguments: [
        ("127.0.0.1", "u@example.com", ""), ("0.0.0.0", "u@example.com", ""), ("127.0.0.1", "u@[127.0.0.1]", ""),
        ("127.0.0.1", "u@implicit.test", ""), ("0.0.0.0", "u@x.test", "'127.0.0.1:PORT'"), ("0.0.0.0", "u@x.test", "'127.200.0.3:PORT'"),
        ("0.0.0.0", "u@x.test", "'0.0.0.0:PORT'"), ("127.0.0.1", "u@x.test", "'[::ffff:127.0.0.1]:PORT'"),
        ("[::]", "u@x.test", "'[::1]:PORT'"),
        ("[::]", "u@x.test", "'[::]:PORT'"), ("127.0.0.1", "u@x.test", "{ name = 'smart', addr = '127.0.0.1:PORT' }"),
        ("127.0.0.1", "u@x.test", "'mx.example.com:PORT'"), ("0.0.0.0", "u@x.test", "'INTERFACE:PORT'"),
    ])
    func itBouncesAtOnce(_ listen: String, _ recipient: String, _ list: String) async throws {
        guard !list.contains("INTERFACE") || Self.interface != nil else { return }
        let port = try Self.freePort()
        let entry = list.replacing("PORT", with: "\(port)").replacing("INTERFACE", with: Self.interface ?? "")
        let queue = "retry_interval = '1 hour'" + (list.isEmpty ? "" : ", protocol = { smtp = { mx_list = { \(entry) } } }")
        // The client uses a listener of its own: it speaks IPv4.
        let listener = "}\n  kumo.start_esmtp_listener { listen = '\(listen):\(port)'"
        let records = try await Rig.run(RigPlan(listener: listener, queue: queue, port: port)) { rig in
            try rig.send(to: recipient)
            try await expectEventually("bounced") { rig.metric("total_messages_fail") == 1 }
            return try await rig.records()
        }
        #expect(records.count { $0.type == "Reception" } == 1)
        let bounce = try #require(records.first { $0.type == "Bounce" })
        #expect(bounce.response.code == 554 && bounce.response.enhanced == "5.4.6")
        #expect(bounce.response.content.contains("mail loops back to myself"))
    }

    /// It goes encrypted on the way, in both directions: the certificate that a node makes itself is taken by 'OpportunisticInsecure'.
    @Test func whoWantsItMayHaveIt() async throws {
        let port = try Self.freePort()
        let plan = RigPlan(
            listener: "listen = '127.0.0.1:\(port)'", queue: "retry_interval = '1 hour'",
            path: "prohibited_hosts = {}, allow_delivery_to_self = true, max_message_rate = '3/hour', enable_tls = 'OpportunisticInsecure'",
            port: port)
        let records = try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("it came back") { rig.metric("total_messages_delivered") == 3 }
            return try await rig.records()
        }
        #expect(records.count { $0.type == "Delivery" && $0.tls_protocol_version == "TLSv1.3" } == 3)
        #expect(records.count { $0.type == "Reception" && $0.tls_protocol_version == "TLSv1.3" && $0.reception_protocol == "ESMTPS" } >= 3)
    }
}
