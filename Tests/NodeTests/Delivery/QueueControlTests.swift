import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Pauses and isolation groups.
@Suite(.serialized, .timeLimit(.minutes(5))) struct QueueControlTests {
    @Test func aPausedQueueWaitsAndItsNeighbourDoesNot() async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.pause("example.com")
            try rig.send(to: "u@example.com", id: "held")
            try rig.send(to: "u@twin.test", id: "free")
            try await expectEventually("the neighbour") { rig.counters.messages == 1 }
            let queue = try #require(await rig.queue("example.com"))
            #expect(queue.state == "paused" && queue.scheduled == 1)
            #expect(queue.blockedBy?.hasPrefix("suspended: test (by test") == true, "\(queue.blockedBy ?? "")")
            try rig.resume("example.com")
            try await expectEventually("the held", within: .seconds(2)) { rig.counters.messages == 2 }
        }
    }

    @Test func aPauseSurvivesARestart() async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.pause("example.com")
            try rig.send(to: "u@example.com")
            try await expectEventually("held") { await rig.queue("example.com")?.scheduled == 1 }
            try await rig.restart()
            try await expectEventually("recovered") { await rig.queue("example.com")?.scheduled == 1 }
            try await Task.sleep(for: .milliseconds(300))
            #expect(await rig.queue("example.com")?.state == "paused" && rig.counters.messages == 0)
            try rig.resume("example.com")
            try await expectEventually("delivered", within: .seconds(2)) { rig.counters.messages == 1 }
        }
    }

    /// Architecture, section 2: suspension is checked where the message is, also in ready queues.
    @Test func aPauseHoldsWhatIsReadyAlready() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["dot=delay=200ms"])
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<12 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try await expectEventually("the first") { rig.counters.messages >= 1 }
            let before = rig.counters.messages
            try rig.pause("example.com")
            try await Task.sleep(for: .milliseconds(1500))
            do {
                #expect(rig.counters.messages <= before + 2, "\(rig.counters.messages - before) messages left a paused queue")
            }
        }
    }

    @Test func anIsolationGroupIsAQueueOfItsOwn() async throws {
        var plan = RigPlan(queue: nil)
        plan.policy = """
            kumo.on('smtp_server_message_received', function(msg)
              if msg:recipient().user == 'vip' then msg:set_meta('tenant', 'gold') end
            end)
            kumo.on('get_queue_config', function(domain, tenant)
              if tenant == 'gold' or tenant == 'vips' then return { queue_name = 'vips' } end
            end)
            """
        let records = try await Rig.run(plan) { rig in
            try rig.pause("vips@example.com")
            for index in 0..<3 { try rig.send(to: "vip@example.com", id: "v\(index)") }
            try rig.send(to: "u@example.com", id: "u")
            try await expectEventually("the others") { rig.counters.messages == 1 }
            try await expectEventually("the group") { await rig.queue("vips@example.com")?.scheduled == 3 }
            #expect(await rig.queue("vips@example.com")?.state == "paused")
            try rig.resume("vips@example.com")
            try await expectEventually("delivered") { rig.counters.messages == 4 }
            try await expectEventually("settled") { await rig.queue("vips@example.com")?.delivered == 3 }
            return try await rig.records("Delivery")
        }
        #expect(records.map(\.queue).count { $0 == "vips@example.com" } == 3)
    }

    @Test func aFailingPolicyHoldsTheMailAndSaysWhy() async throws {
        var plan = RigPlan(queue: nil)
        plan.policy = "kumo.on('get_queue_config', function(domain) if domain == 'example.com' then error('boom') end end)"
        try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try rig.send(to: "u@twin.test")
            try await expectEventually("the neighbour") { rig.counters.messages == 1 }
            try await expectEventually("the reason") { await rig.queue("example.com")?.blockedBy?.contains("boom") == true }
            #expect(await rig.queue("example.com")?.scheduled == 1)
        }
    }

    @Test func aNodeStopsQuicklyWithMailInEveryPlace() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["dot=delay=100ms"])
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<30 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try await expectEventually("some") { rig.counters.messages >= 2 }
            let start = ContinuousClock.now
            try await rig.restart()
            #expect(ContinuousClock.now - start < .seconds(4))
            try await expectEventually("the rest") { rig.counters.messages >= 30 }
            let ids = await rig.received().map(\.id)
            #expect(Set(ids).count == 30)
            #expect(ids.count == 30, "a clean stop repeats nothing")
        }
    }
}
