import Client
import NIOEmbedded
import Sink
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Node

/// The node opens no more connections to other servers than the limit of open files leaves room for.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EgressSlotsTests {
    /// More sites than connections: all get their turn, and `explain` says what is waited for.
    @Test func sitesTakeTurns() async throws {
        let domains = (0..<6).map { "s\($0).test" }
        let plan = RigPlan(
            path: "prohibited_hosts = {}, idle_timeout = '60s'", rules: ["dot=delay=150ms"],
            zone: domains.map { "\($0). 60 IN A 127.0.0.1" })
        try await Rig.run(plan) { rig in
            let slots = rig.node.services.egressSlots
            slots.limit = 2
            let client = try rig.client()
            for index in 0..<4 { for domain in domains { try client.deliver(to: ["u@\(domain)"], id: "\(domain)-\(index)") } }
            try await expectEventually("the reason") {
                await rig.node.inspection.queues().contains { $0.blockedBy?.contains("limit of open files") == true }
            }
            #expect(slots.used <= 2)
            try await expectEventually("all of them", within: .seconds(20)) { rig.counters.messages == 24 }
            #expect(slots.used <= 2)
            #expect(rig.metric("total_messages_transfail") == 0)
        }
    }

    /// A site with a long backlog does not keep the others out.
    @Test func aBacklogGivesItsTurnUp() async throws {
        let plan = RigPlan(
            path: "prohibited_hosts = {}", rules: ["dot=delay=20ms"],
            zone: ["long.test. 60 IN A 127.0.0.1", "short.test. 60 IN A 127.0.0.1"])
        try await Rig.run(plan) { rig in
            rig.node.services.egressSlots.limit = 1
            try rig.pause("long.test")
            let client = try rig.client()
            for index in 0..<100 { try client.deliver(to: ["u@long.test"], id: "l\(index)") }
            try rig.resume("long.test")
            try await expectEventually("some") { rig.counters.messages >= 1 }
            try client.deliver(to: ["u@short.test"], id: "short")
            try await expectEventually("all of them", within: .seconds(20)) { rig.counters.messages == 101 }
            let place = await rig.received().firstIndex { $0.id.contains("short") }
            #expect(place.map { $0 < 70 } == true, "it came as number \(place ?? -1)")
        }
    }
}
