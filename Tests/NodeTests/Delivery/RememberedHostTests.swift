import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// MX hosts without an address: attempts are spent on questions to the DNS, not on what is remembered of them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RememberedHostTests {
    private static let zone = ["nohost.test. 60 IN MX 10 gone.nohost.test.", "gone.nohost.test. 60 IN TXT x"]

    /// Without an SOA that there is no address is remembered for two seconds; messages are due again five times a second.
    @Test func retriesOfARememberedHostSpendNoAttempt() async throws {
        let plan = RigPlan(queue: "retry_interval = '200ms', max_retry_interval = '200ms'", zone: Self.zone)
        let records = try await Rig.run(plan) { rig in
            for index in 0..<3 { try rig.send(to: "u@nohost.test", id: "m\(index)") }
            try await expectEventually("remembered") {
                await rig.queue("nohost.test")?.lastReply?.contains("no attempt is spent until then") == true
            }
            // One of them may be in a ready queue at this moment.
            try await expectEventually("all of them wait") { await rig.queue("nohost.test")?.scheduled == 3 }
            return try await rig.records("TransientFailure")
        }
        // Two rounds when the machine is slow; each message would have had five. None when the answer that was asked for came second: what waits has
        // gone back by then with the one that was remembered.
        #expect(records.count <= 6, "\(records.count)")
        #expect(records.allSatisfy { $0.response.content.contains("gone.nohost.test has no address") })
    }

    /// It does not stop what can go.
    @Test func aRememberedHostBesideALivingOneIsPassedOver() async throws {
        let plan = RigPlan(zone: Self.zone + ["nohost.test. 60 IN MX 20 mx.example.com."])
        try await Rig.run(plan) { rig in
            for index in 0..<3 { try rig.send(to: "u@nohost.test", id: "m\(index)") }
            try await expectEventually("delivered") { rig.counters.messages == 3 }
        }
    }
}
