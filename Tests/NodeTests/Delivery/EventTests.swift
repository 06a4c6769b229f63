import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// `delivery_complete` beside the mail path.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OutcomeEventTests {
    @Test func everyOutcomeIsTold() async throws {
        var plan = RigPlan(
            queue: "retry_interval = '2s', max_age = '5s'", rules: ["rcpt:example.com=450 4.2.1 later", "rcpt:implicit.test=550 5.1.1 no"])
        plan.loops = 1
        plan.policy = """
            local events = {}
            kumo.on('delivery_complete', function(msg, result)
              table.insert(events, table.concat({ tostring(msg:recipient()), result.status, tostring(result.code),
                tostring(result.enhanced_code), tostring(result.attempts), tostring(result.source), result.response }, '|'))
            end)
            -- A policy cannot write files: the events are told as a reply.
            kumo.on('smtp_server_rcpt_to', function(recipient)
              local number = tonumber(recipient.user:match('^tell(%d+)$'))
              if number then kumo.reject(550, events[number] or 'none') end
            end)
            """
        try await Rig.run(plan) { rig in
            try rig.send(to: "ok@twin.test", "late@example.com", "no@implicit.test")
            let client = try rig.client()
            try client.say("MAIL FROM:<a@x.test>")
            func event(_ number: Int) throws -> String { String(try client.say("RCPT TO:<tell\(number)@x.test>").dropFirst(4)) }
            try await expectEventually("five events") { try event(5) != "none" }
            let lines = try (1...5).map(event)
            #expect(lines.contains("ok@twin.test|delivered|250|2.0.0|1|unspecified|250 2.0.0 OK"), "\(lines)")
            #expect(lines.contains("no@implicit.test|bounced|550|5.1.1|1|unspecified|550 5.1.1 no"), "\(lines)")
            #expect(lines.contains("late@example.com|deferred|450|4.2.1|1|unspecified|450 4.2.1 later"), "\(lines)")
            #expect(lines.contains("late@example.com|deferred|450|4.2.1|2|unspecified|450 4.2.1 later"), "\(lines)")
            #expect(lines.contains { $0.hasPrefix("late@example.com|expired|551|5.4.7|2|") }, "\(lines)")
            #expect(try event(6) == "none")
        }
    }

    @Test func aSlowHandlerSlowsNoDelivery() async throws {
        var plan = RigPlan(loops: 1)
        plan.policy = "kumo.on('delivery_complete', function() kumo.sleep(30) end)"
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            let start = ContinuousClock.now
            for index in 0..<100 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try await expectEventually("delivered") { rig.counters.messages == 100 }
            #expect(ContinuousClock.now - start < .seconds(8))
            try await expectEventually("the backlog shows") {
                rig.metric("delivery_complete_backlog") == Double(100 - OutcomeEvents.concurrency)
            }
        }
    }

    @Test func aFailingHandlerIsCounted() async throws {
        let plan = RigPlan(policy: "kumo.on('delivery_complete', function() error('boom') end)")
        try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("counted") { rig.metric("delivery_complete_failures_total") == 1 }
            #expect(rig.counters.messages == 1 && rig.metric("message_count") == 0)
        }
    }
}
