import Client
import Cluster
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Suspensions of queues and of paths.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SuspensionTests {
    @Test func aSuspensionHoldsWhatItNamesAndSaysWhy() async throws {
        try await Rig.run(RigPlan()) { rig in
            let rule = try rig.rule(.suspend, ControlScope(domain: "example.com"), reason: "asked by postmaster", lasts: .seconds(600))
            try rig.send(to: "u@example.com", id: "held")
            try rig.send(to: "u@twin.test", id: "free")
            try await expectEventually("the neighbour") { rig.counters.messages == 1 }
            let queue = try #require(await rig.queue("example.com"))
            let text = queue.blockedBy ?? ""
            #expect(queue.state == "paused" && queue.scheduled == 1)
            #expect(
                text.contains("asked by postmaster") && text.contains("by tester") && text.contains(rule.id) && text.contains("until 2"))
            #expect(try rig.node.services.control.remove(id: rule.id, issuer: "tester"))
            try await expectEventually("the held", within: .seconds(2)) { rig.counters.messages == 2 }
        }
    }

    @Test func aSuspensionEndsByItself() async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.rule(.suspend, ControlScope(isEverything: true), lasts: .milliseconds(1200))
            try rig.send(to: "u@example.com")
            try await expectEventually("held") { await rig.queue("example.com")?.state == "paused" }
            #expect(rig.counters.messages == 0)
            try await expectEventually("delivered", within: .seconds(5)) { rig.counters.messages == 1 }
            let records = try await rig.records("TransientFailure")
            #expect(records.isEmpty, "waiting is no attempt")
        }
    }

    @Test func aRuleForAnotherNodeIsNone() async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.rule(.suspend, ControlScope(node: "elsewhere", isEverything: true))
            try rig.rule(.bounce, ControlScope(node: "elsewhere", isEverything: true))
            try rig.send(to: "u@example.com")
            try await expectEventually("delivered") { rig.counters.messages == 1 }
        }
    }

    /// What is ready comes back at once, not when its turn comes: nothing drains a path whose rate is used up.
    @Test func readyMessagesComeBackAtOnce() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["dot=delay=2s"])
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<20 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            for index in 0..<5 { try client.deliver(to: ["u@twin.test"], id: "t\(index)") }
            try await expectEventually("all are out") { await rig.queue("example.com")?.active ?? 0 >= 18 }
            try rig.rule(.suspend, ControlScope(queues: ["example.com"]))
            try await expectEventually("they are back", within: .seconds(1)) { await rig.queue("example.com")?.scheduled ?? 0 >= 17 }
            #expect(await rig.queue("twin.test")?.active ?? 0 >= 4, "those of another queue stay ready")
        }
    }

    @Test func aSuspendedPathSendsNothingAndItsMessagesWaitInTheirQueues() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["dot=delay=300ms"])
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<10 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try await expectEventually("the first") { rig.counters.messages >= 1 }
            let path = try #require(rig.node.services.paths.all.first?.name)
            let rule = try rig.rule(.suspendPath, ControlScope(path: path), reason: "listed", lasts: .seconds(600))
            try await expectEventually("back", within: .seconds(2)) { await rig.queue("example.com")?.active == 0 }
            let before = rig.counters.messages
            try client.deliver(to: ["u@example.com"], id: "late")
            try await Task.sleep(for: .milliseconds(700))
            #expect(rig.counters.messages == before)
            let queue = try #require(await rig.queue("example.com"))
            #expect(queue.state == "blocked" && queue.scheduled == 11 - before, "\(queue)")
            #expect(queue.blockedBy?.contains("egress path \(path) is suspended: listed") == true, "\(queue.blockedBy ?? "")")
            #expect(try rig.node.services.control.remove(id: rule.id, issuer: "tester"))
            try await expectEventually("all", within: .seconds(6)) { rig.counters.messages == 11 }
            let ids = await rig.received().map(\.id)
            #expect(Set(ids).count == 11 && ids.count == 11)
        }
    }

    /// Selection falls through to the next source of the pool.
    @Test func anotherSourceTakesOver() async throws {
        var plan = RigPlan(queue: "egress_pool = 'two'")
        plan.policy = """
            kumo.on('get_egress_pool', function(name) return { name = name, entries = { { name = 'a' }, { name = 'b' } } } end)
            kumo.on('get_egress_source', function(name) return { name = name } end)
            """
        let records = try await Rig.run(plan) { rig in
            try rig.rule(.suspendPath, ControlScope(path: "a->mx.example.com@smtp_client"))
            for index in 0..<6 { try rig.send(to: "u@example.com", id: "m\(index)") }
            try await expectEventually("all") { rig.counters.messages == 6 }
            return try await rig.records("Delivery")
        }
        #expect(records.allSatisfy { $0.egress_source == "b" })
    }

    @Test func suspendedMailStillExpires() async throws {
        try await Rig.run(RigPlan(queue: "max_age = '1s'")) { rig in
            try rig.rule(.suspend, ControlScope(domain: "example.com"))
            try rig.send(to: "u@example.com")
            try await expectEventually("gone", within: .seconds(25)) { rig.metric("total_messages_expired") == 1 }
        }
    }
}
