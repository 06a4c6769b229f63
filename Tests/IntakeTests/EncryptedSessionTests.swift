import Options
import TLS
import Telemetry
import TestSupport
import Testing

@testable import Delivery
@testable import Intake
@testable import Resources

/// Sessions within TLS through a real listener: what the queue and the metrics know of them, and what holds them within bounds.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EncryptedSessionTests {
    private func deliver(_ client: EncryptedClient) async throws -> String {
        for line in ["EHLO client.test", "MAIL FROM:<a@b.test>", "RCPT TO:<ann@example.com>"] {
            #expect(try await client.say(line).hasPrefix("250"), "\(line)")
        }
        #expect(try await client.say("DATA").hasPrefix("354"))
        return try await client.say("Subject: x\r\n\r\nhello\r\n.")
    }

    @Test func aMessageComesInByStartTLS() async throws {
        try await IntakeRig.run { rig in
            let client = try await EncryptedClient(port: rig.port)
            #expect(try await client.say("EHLO client.test").contains("250 STARTTLS"))
            #expect(try await client.say("STARTTLS").hasPrefix("220 2.0.0"))
            try await client.secure()
            #expect(try await deliver(client).hasPrefix("250 OK ids="))
            #expect(try await rig.arrived(1) == ["example.com": 1])
            #expect(rig.services.metrics.inboundEncrypted.value == 1)
            try await client.close()
        }
    }

    @Test func aMessageComesInByImplicitTLS() async throws {
        try await IntakeRig.run(listener: ["use_tls": true]) { rig in
            let client = try await EncryptedClient(port: rig.port, isImplicit: true)
            #expect(client.facts?.version == "TLSv1.3")
            #expect(try await deliver(client).hasPrefix("250 OK ids="))
            #expect(try await rig.arrived(1) == ["example.com": 1])
            try await client.close()
        }
    }

    /// Who connects to a listener with TLS and says nothing takes a place like a session.
    @Test func connectionsBeforeTheirHandshakeAreCounted() async throws {
        try await IntakeRig.run(listener: ["use_tls": true, "max_connections": 1]) { rig in
            let most = 1 + DescriptorBudget.overflow(of: 1)
            let silent = try (0..<most).map { _ in try RawClient(port: rig.port, greets: false) }
            try await expectEventually("all are accepted") { !rig.listener.gate.hasRoomToAccept }
            #expect(rig.listener.gate.sessions == 0)
            withExtendedLifetime(silent) {}
        }
    }
}
