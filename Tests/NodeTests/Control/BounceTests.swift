import Client
import Cluster
import NIOEmbedded
import Platform
import Resources
import Sink
import Spool
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Node

/// Bounce rules: what is queued, what is ready, and what comes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BounceTests {
    @Test func everyPlaceIsEmptiedAndArrivalsToo() async throws {
        var plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["dot=delay=2s"])
        plan.policy = """
            kumo.on('delivery_complete', function(msg, result) print(result.status) end)
            """
        let (records, delivered) = try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<20 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try client.deliver(to: ["u@implicit.test"], id: "other")
            // A slow machine delivers a few more meanwhile, one in two seconds.
            try await expectEventually("the first") { rig.counters.messages >= 1 }
            let rule = try rig.rule(.bounce, ControlScope(domain: "example.com"), reason: "sent by mistake", lasts: .seconds(60))
            #expect(rig.node.services.control.entry(id: rule.id) != nil)
            for index in 0..<5 { try client.deliver(to: ["u@example.com"], id: "late\(index)") }
            try await expectEventually("nothing is left") { await rig.queued() == 0 }
            let tally = rig.node.services.bounces.tally(rule.id)
            #expect(tally.queues == ["example.com": tally.total] && tally.total >= 12, "\(tally)")
            #expect(rig.metric("message_count") == 0)
            #expect(rig.node.services.resident.bytes == 0)
            let delivered = rig.counters.messages
            return (try await rig.records(), delivered)
        }
        let bounced = records.filter { $0.type == "AdminBounce" }
        #expect(bounced.count + delivered == 26)
        #expect(
            bounced.allSatisfy {
                $0.response.code == 551 && $0.response.enhanced == "5.7.1" && $0.response.content.contains("sent by mistake")
            })
        #expect(records.count { $0.type == "Delivery" } == delivered)
        #expect(Set(bounced.map(\.id)).count == bounced.count, "each message is bounced once")
        #expect(bounced.count { $0.queue == "example.com" } == bounced.count)
    }

    /// What lies on disk is read back a few at a time.
    @Test func manyDeferredMessagesAreBouncedInBoundedMemory() async throws {
        let count = 1500
        let records = try await Rig.run(RigPlan()) { rig in
            for name in ["example.com", "twin.test", "implicit.test"] { try rig.pause(name) }
            let client = try rig.client()
            let body = String(repeating: String(repeating: "x", count: 78) + "\r\n", count: 50)
            for index in 0..<count {
                let domain = ["example.com", "twin.test", "implicit.test"][index % 3]
                let reply = try client.deliver(to: ["u@\(domain)"], id: "m\(index)", body: body)
                try #require(reply.hasPrefix("250"))
            }
            try await rig.restart()
            try await expectEventually("recovered") { await rig.queued() == count }
            #expect(rig.node.services.resident.bytes == 0)
            // One message more that is not meant.
            try rig.client().deliver(to: ["u@null.test"], id: "other")
            let dryRun = await rig.node.inspection.bounceCount(ControlScope(isEverything: true))
            #expect(dryRun.totalBounced >= count)
            let rules = try ["example.com", "twin.test", "implicit.test"].map { try rig.rule(.bounce, ControlScope(queues: [$0])) }
            var peak = 0
            try await expectEventually("all are gone") {
                peak = max(peak, rig.node.services.resident.bytes)
                return await rig.node.inspection.bounceCount(ControlScope(queues: ["example.com", "twin.test", "implicit.test"]))
                    .totalBounced == 0
            }
            #expect(peak <= 64 * 5000, "\(peak) bytes were in memory at a time")
            #expect(rules.map { rig.node.services.bounces.tally($0.id).total } == [500, 500, 500])
            #expect(rig.node.services.sweepSlots.free == 64)
            #expect(rig.metric("scheduled_count_total") == 0)
            try await rig.restart()
            #expect(await rig.queued() == 0, "what was bounced does not come back")
            return try await rig.records("AdminBounce")
        }
        #expect(records.count == count && Set(records.map(\.id)).count == count)
    }

    @Test func aBounceWithoutRecordsWritesNone() async throws {
        let records = try await Rig.run(RigPlan()) { rig in
            try rig.rule(.bounce, ControlScope(domain: "example.com"), payload: BouncePayload.text(suppressLogging: true))
            try rig.send(to: "u@example.com")
            try await expectEventually("gone") { rig.metric("total_messages_fail") == 1 }
            return try await rig.records("AdminBounce")
        }
        #expect(records.isEmpty)
    }

    @Test func aBounceGoesBeforeASuspensionAndEnds() async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.pause("example.com")
            try rig.send(to: "u@example.com", id: "old")
            try await expectEventually("held") { await rig.queue("example.com")?.scheduled == 1 }
            let rule = try rig.rule(.bounce, ControlScope(tenant: nil, queues: ["example.com"]))
            try await expectEventually("gone") { rig.metric("message_count") == 0 }
            #expect(await rig.queue("example.com")?.state ?? "bouncing" == "bouncing")
            #expect(try rig.node.services.control.remove(id: rule.id, issuer: "tester"))
            try rig.resume("example.com")
            try rig.send(to: "u@example.com", id: "new")
            try await expectEventually("delivered") { rig.counters.messages == 1 }
            let ids = await rig.received().map(\.id)
            #expect(ids.count == 1 && ids[0].contains("new"), "\(ids)")
        }
    }
}
