import Client
import Cluster
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Rules about queues whose messages move to an isolation group hold wherever those messages are.
@Suite(.serialized, .timeLimit(.minutes(5))) struct GroupRuleTests {
    /// The users are the tenants; gold and silver share a group.
    private static func plan(rules: [String] = [], retry: String = "1h") -> RigPlan {
        var plan = RigPlan(queue: nil, rules: rules)
        plan.policy = """
            kumo.on('smtp_server_message_received', function(msg)
              msg:set_meta('tenant', msg:recipient().user)
              msg:set_meta('campaign', msg:recipient().user .. '-news')
            end)
            kumo.on('get_queue_config', function(domain, tenant)
              return { retry_interval = '\(retry)', queue_name = (tenant == 'gold' or tenant == 'silver') and 'vips' or nil }
            end)
            """
        return plan
    }

    private static let gold = "gold-news:gold@example.com"
    private static let group = "gold-news:vips@example.com"

    private static let scopes = [
        ControlScope(tenant: "gold"), ControlScope(queues: [gold]),
        ControlScope(domain: "example.com", tenant: "gold", campaign: "gold-news"),
        ControlScope(campaign: "gold-news"),
    ]

    @Test(arguments: scopes) func whatComesWhileItsTenantIsSuspendedIsHeld(_ scope: ControlScope) async throws {
        let records = try await Rig.run(Self.plan()) { rig in
            // Once before the policy was asked about the queue, once after it.
            try rig.send(to: "gold@example.com", id: "before")
            try await expectEventually("the first") { rig.counters.messages == 1 }
            let rule = try rig.rule(.suspend, scope)
            for index in 0..<3 { try rig.send(to: "gold@example.com", id: "g\(index)") }
            try rig.send(to: "silver@example.com", id: "s")
            try await expectEventually("the other tenant") { rig.counters.messages == 2 }
            try await expectEventually("held") { await rig.queue(Self.gold)?.scheduled == 3 }
            #expect(await rig.queue(Self.gold)?.state == "paused")
            try await rig.restart()
            try await expectEventually("held after a restart") { await rig.queue(Self.gold)?.scheduled == 3 }
            #expect(rig.counters.messages == 2)
            _ = try rig.node.services.control.remove(id: rule.id, issuer: "tester")
            try await expectEventually("the rest") { rig.counters.messages == 5 }
            return try await rig.records("Delivery")
        }
        #expect(records.allSatisfy { $0.queue?.contains("vips") == true }, "\(records.map(\.queue))")
    }

    /// One that waits in the group already, in memory.
    @Test(arguments: scopes.dropLast()) func whatIsInTheGroupAlreadyGoesBackAndIsHeld(_ scope: ControlScope) async throws {
        try await Rig.run(Self.plan()) { rig in
            let pause = try rig.rule(.suspend, ControlScope(tenant: "vips"))
            for index in 0..<3 { try rig.send(to: "gold@example.com", id: "g\(index)") }
            try rig.send(to: "silver@example.com", id: "s")
            try await expectEventually("in the group") { await rig.queue(Self.group)?.scheduled == 3 }
            let rule = try rig.rule(.suspend, scope)
            _ = try rig.node.services.control.remove(id: pause.id, issuer: "tester")
            try await expectEventually("held") { await rig.queue(Self.gold)?.scheduled == 3 }
            try await expectEventually("the other tenant") { rig.counters.messages == 1 }
            _ = try rig.node.services.control.remove(id: rule.id, issuer: "tester")
            try await expectEventually("the rest") { rig.counters.messages == 4 }
            try await expectEventually("nothing is left") { await rig.queued() == 0 }
        }
    }

    /// One that is in the ready queue to which the group gave it.
    @Test func whatIsReadyAlreadyGoesBack() async throws {
        var plan = Self.plan(rules: ["dot=delay=300ms"])
        plan.path = "prohibited_hosts = {}, connection_limit = 1"
        try await Rig.run(plan) { rig in
            for index in 0..<8 { try rig.send(to: "gold@example.com", id: "g\(index)") }
            try await expectEventually("the first") { rig.counters.messages >= 1 }
            try rig.rule(.suspend, ControlScope(tenant: "gold"))
            try await expectEventually("held") {
                let queue = await rig.queue(Self.gold)
                return queue.map { $0.scheduled + rig.counters.messages == 8 } == true
            }
            #expect(rig.counters.messages <= 4, "what was on the connection, and no more")
        }
    }

    /// One that was tried from there and lies on disk.
    @Test func whatTheGroupHasDeferredGoesBackWhenItIsDue() async throws {
        try await Rig.run(Self.plan(rules: ["rcpt=450 4.2.1 later"], retry: "1s")) { rig in
            for index in 0..<3 { try rig.send(to: "gold@example.com", id: "g\(index)") }
            try await expectEventually("deferred in the group") { await rig.queue(Self.group)?.lastReply?.contains("later") == true }
            try rig.rule(.suspend, ControlScope(tenant: "gold"))
            try await expectEventually("held") { await rig.queue(Self.gold)?.scheduled == 3 }
            #expect(await rig.queue(Self.group)?.scheduled ?? 0 == 0)
        }
    }

    /// A bounce ends what is in the group at once, due or not, and leaves the others alone.
    @Test func aBounceOfATenantEmptiesItsPartOfTheGroup() async throws {
        var plan = Self.plan(rules: ["rcpt=450 4.2.1 later"])
        plan.policy = plan.policy.replacing("msg:recipient().user .. '-news'", with: "'news'")
        let records = try await Rig.run(plan) { rig in
            for index in 0..<4 {
                try rig.send(to: "gold@example.com", id: "g\(index)")
                try rig.send(to: "silver@example.com", id: "s\(index)")
            }
            try await expectEventually("deferred in the group") {
                let queue = await rig.queue("news:vips@example.com")
                return queue?.scheduled == 8 && queue?.due == 0
            }
            try rig.rule(.bounce, ControlScope(tenant: "gold"), lasts: .seconds(60))
            try rig.send(to: "gold@example.com", id: "late")
            try await expectEventually("ended") { await rig.queued() == 4 }
            #expect(await rig.queue("news:vips@example.com")?.scheduled == 4)
            return try await rig.records("AdminBounce")
        }
        #expect(records.count == 5 && records.allSatisfy { $0.queue == "news:gold@example.com" }, "\(records.map(\.queue))")
    }
}
