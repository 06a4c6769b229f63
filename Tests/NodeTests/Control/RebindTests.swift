import Client
import Cluster
import NIOCore
import Options
import Shaping
import Sink
import Spool
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Node

/// Rebinding: other metadata, other queues.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RebindTests {
    private static func payload(_ data: [String: ConfigValue], flush: Bool = false) -> String {
        Rebind.payload(data: data, alwaysFlush: flush, suppressLogging: false)
    }

    /// The tenant and what else a message is for stand in its meta.
    private static let hook = """
        kumo.on('smtp_server_message_received', function(msg)
          local tenant = msg:recipient().user
          if tenant ~= 'u' then msg:set_meta('tenant', tenant) end
        end)
        """

    @Test func messagesMoveAndStayMovedAfterARestart() async throws {
        var plan = RigPlan()
        plan.policy = Self.hook
        let records = try await Rig.run(plan) { rig in
            for name in ["gold@example.com", "slow@example.com", "example.com"] { try rig.pause(name) }
            for index in 0..<30 { try rig.send(to: "gold@example.com", id: "g\(index)") }
            try rig.send(to: "u@example.com", id: "u")
            // Half of them are on disk only.
            try await rig.restart()
            try await expectEventually("recovered") { await rig.queue("gold@example.com")?.scheduled == 30 }
            for index in 30..<60 { try rig.send(to: "gold@example.com", id: "g\(index)") }
            try await expectEventually("all") { await rig.queue("gold@example.com")?.scheduled == 60 }
            try rig.rule(
                .rebind, ControlScope(tenant: "gold"), payload: Self.payload(["tenant": .string("slow"), "note": .string("x")]),
                reason: "warm-up",
                lasts: .seconds(600))
            try await expectEventually("moved") { await rig.queue("slow@example.com")?.scheduled == 60 }
            #expect(await rig.queue("gold@example.com")?.scheduled ?? 0 == 0)
            #expect(await rig.queue("example.com")?.scheduled == 1)
            // An arrival is not meant.
            try rig.send(to: "gold@example.com", id: "late")
            try await expectEventually("the late one") { await rig.queue("gold@example.com")?.scheduled == 1 }
            try await rig.restart()
            try await expectEventually("recovered again") { await rig.queued() == 62 }
            #expect(await rig.queue("slow@example.com")?.scheduled == 60)
            try await Task.sleep(for: .milliseconds(300))
            #expect(await rig.queue("gold@example.com")?.scheduled == 1, "a rebind is not repeated after a restart")
            for name in ["gold@example.com", "slow@example.com", "example.com"] { try rig.resume(name) }
            try await expectEventually("delivered") { rig.counters.messages == 62 }
            return try await rig.records()
        }
        let rebound = records.filter { $0.type == "AdminRebind" }
        #expect(rebound.count == 60 && Set(rebound.map(\.id)).count == 60)
        #expect(rebound.allSatisfy { $0.response.content.contains("to slow@example.com: warm-up") && $0.num_attempts == 0 })
        let delivered = records.filter { $0.type == "Delivery" && $0.queue == "slow@example.com" }
        #expect(delivered.count == 60 && delivered.allSatisfy { $0.meta["note"] == "x" && $0.meta["tenant"] == "slow" })
    }

    @Test func whatIsReadyMovesToo() async throws {
        var plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["dot:example.com=delay=3s"])
        plan.policy = Self.hook
        try await Rig.run(plan) { rig in
            try rig.pause("slow@example.com")
            let client = try rig.client()
            for index in 0..<12 { try client.deliver(to: ["gold@example.com"], id: "g\(index)") }
            try await expectEventually("ready") { await rig.queue("gold@example.com")?.active ?? 0 >= 7 }
            try rig.rule(.rebind, ControlScope(tenant: "gold"), payload: Self.payload(["tenant": .string("slow")]), lasts: .seconds(600))
            try await expectEventually("moved") { await rig.queue("slow@example.com")?.scheduled ?? 0 >= 6 }
            try await expectEventually("the rest was sent") { await rig.queue("gold@example.com")?.active ?? 0 == 0 }
            let moved = await rig.queue("slow@example.com")?.scheduled ?? 0
            #expect(moved + rig.counters.messages == 12)
            if let gold = rig.node.services.queues.existing(named: "gold@example.com") {
                #expect(await !rig.node.shards.all[gold.shard].isRebinding(gold))
            }
        }
    }

    @Test func attemptsDueTimeAndReplyStay() async throws {
        var plan = RigPlan(queue: "retry_interval = '1h'", rules: ["rcpt=450 4.2.1 try later"])
        plan.policy = Self.hook
        try await Rig.run(plan) { rig in
            try rig.send(to: "gold@example.com")
            try await expectEventually("deferred") { await rig.queue("gold@example.com")?.lastReply != nil }
            try await expectEventually("scheduled") { await rig.queue("gold@example.com")?.scheduled == 1 }
            let due = await rig.queue("gold@example.com")?.nextDue
            try rig.rule(
                .rebind, ControlScope(domain: "example.com"), payload: Self.payload(["campaign": .string("c")]), lasts: .seconds(600))
            try await expectEventually("moved") { await rig.queue("c:gold@example.com")?.scheduled == 1 }
            #expect(await rig.queue("c:gold@example.com")?.nextDue == due)
            try await rig.restart()
            try await expectEventually("recovered") { await rig.queue("c:gold@example.com")?.scheduled == 1 }
            let queue = try #require(await rig.queue("c:gold@example.com"))
            #expect(queue.nextDue?.prefix(19) == due?.prefix(19) && queue.lastReply?.contains("4.2.1") == true)
            let id = try #require(rig.node.services.queues.existing(named: "c:gold@example.com"))
            let message = try #require(await rig.node.shards.all[id.shard].firstDue(in: id))
            let stored = await withCheckedContinuation { done in
                rig.node.services.spool.read(message, ticket: 0) { done.resume(returning: try? $0.get()) }
            }
            #expect(stored?.envelope.attempts == 1)
            // A flush makes it due now.
            try rig.rule(
                .rebind, ControlScope(campaign: "c"), payload: Self.payload(["x": .integer(1)], flush: true), lasts: .seconds(600))
            try await expectEventually("tried again") { rig.metric("total_messages_transfail") >= 1 }
        }
    }

    /// The recipients that are done must not come back with the metadata, not even when the rebind follows the attempt at once: the
    /// spool commits what the attempt meant a moment later.
    @Test(arguments: [true, false]) func whatIsDeliveredStaysDelivered(restarting: Bool) async throws {
        var plan = RigPlan(
            listener: "batch_handling = 'BatchByDomain'", queue: "retry_interval = '1h'", rules: ["rcpt=450 4.2.1 later@every:3"])
        plan.policy = Self.hook
        let records = try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com", "v@example.com", "w@example.com")
            try await expectEventually("two of three") { rig.metric("total_messages_delivered") == 2 }
            let queue = try #require(await rig.node.inspection.queues().first { $0.scheduled == 1 })
            if restarting {
                try await rig.restart()
                try await expectEventually("recovered") { await rig.queue(queue.queue)?.scheduled == 1 }
            }
            try rig.rule(
                .rebind, ControlScope(domain: "example.com"), payload: Self.payload(["campaign": .string("c")], flush: true),
                lasts: .seconds(600))
            try await expectEventually("the third") { rig.metric("message_count") == 0 }
            return try await rig.records("Delivery")
        }
        #expect(records.count == 3 && Set(records.flatMap(\.recipient.all)).count == 3, "\(records.map(\.recipient.all))")
        #expect(records.count { $0.queue?.hasPrefix("c:") == true } == 1)
    }

    @Test(
        arguments: [
            (["a": "1"], ["a": ConfigValue.integer(1)], nil),
            (["a": "1"], ["a": .integer(2)], ["a": "2"]),
            (["a": "1", "b": "2"], ["a": .null], ["b": "2"]),
            ([:], ["a": .null], nil),
            ([:], ["q": .string("x\"y")], ["q": #""x\"y""#]),
        ] as [([String: String], [String: ConfigValue], [String: String]?)])
    func merging(_ meta: [String: String], _ data: [String: ConfigValue], _ expected: [String: String]?) throws {
        let entry = ControlEntry.rule(
            .rebind, scope: ControlScope(isEverything: true), payload: Self.payload(data), reason: "r", issuer: "i", expires: nil)
        let rebind = try #require(Rebind(entry, run: RebindRun(queues: 1) {}))
        let merged = rebind.merged(into: meta.map { ($0.key, $0.value) })
        #expect(merged.map { Dictionary($0.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }) } == expected)
    }

    @Test(arguments: ["", "{}", "[]", "nonsense", #"{"data": 5}"#])
    func aPayloadOfAnotherVersionIsNoRebind(_ payload: String) {
        let entry = ControlEntry.rule(.rebind, scope: ControlScope(), payload: payload, reason: "r", issuer: "i", expires: nil)
        #expect(Rebind(entry, run: RebindRun(queues: 1) {}) == nil)
    }
}
