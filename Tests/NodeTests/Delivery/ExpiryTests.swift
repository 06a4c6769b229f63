import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// `max_age` holds wherever a message waits. Not serialized: each of these mostly waits.
@Suite(.timeLimit(.minutes(5))) struct ExpiryTests {
    @Test func whileScheduled() async throws {
        // At 0 and 2 s, unless the machine is three seconds late; the third would come after the sixth.
        let plan = RigPlan(queue: "retry_interval = '2s', max_age = '5s'", rules: ["rcpt=450 4.2.1 later"])
        let records = try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("expired") { rig.metric("total_messages_expired") == 1 }
            try await expectEventually("nothing is left") { await rig.queued() == 0 }
            return try await rig.records()
        }
        #expect(records.map(\.type) == ["Reception", "TransientFailure", "TransientFailure", "Expiration"])
        #expect(records.last?.response.code == 551 && records.last?.response.enhanced == "5.4.7")
        #expect(records.last?.response.content.hasPrefix("Next delivery time would be ") == true)
    }

    @Test func whilePaused() async throws {
        try await Rig.run(RigPlan(queue: "max_age = '5s'")) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 1 }
            try rig.pause("example.com")
            try rig.send(to: "u@example.com")
            try await expectEventually("expired", within: .seconds(24)) { rig.metric("total_messages_expired") == 1 }
        }
    }

    /// The same for a queue whose first message comes during the pause, as after a restart.
    @Test func whilePausedFromTheStart() async throws {
        try await Rig.run(RigPlan(queue: "max_age = '1s'")) { rig in
            try rig.pause("example.com")
            try rig.send(to: "u@example.com")
            try await expectEventually("expired", within: .seconds(24)) { rig.metric("total_messages_expired") == 1 }
        }
    }

    /// The only connection waits for a greeting that never comes; behind it messages grow old.
    @Test func behindAConnectionThatHangs() async throws {
        let server = try RawServer()
        let plan = RigPlan(queue: "max_age = '1s'", path: "prohibited_hosts = {}, connection_limit = 1", port: server.port)
        try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("expired", within: .seconds(15)) { rig.metric("total_messages_expired") == 1 }
        }
    }

    /// Another queue fills the ready queue; this one's messages never get in.
    @Test func behindAFullReadyQueue() async throws {
        let server = try RawServer()
        var plan = RigPlan(queue: nil, path: "prohibited_hosts = {}, connection_limit = 1, max_ready = 1", port: server.port)
        plan.policy = """
            kumo.on('get_queue_config', function(domain)
              return { max_age = domain == 'twin.test' and '1s' or '1 day' }
            end)
            """
        try await Rig.run(plan) { rig in
            // The path learns its size with its first message.
            try rig.send(to: "u@example.com")
            try await expectEventually("ready") { rig.metric("ready_count") == 1 }
            for index in 0..<2 { try rig.send(to: "u\(index)@example.com") }
            _ = await eventually(within: .seconds(3)) { await rig.queue("example.com")?.blockedBy?.contains("is full") == true }
            let full = try #require(await rig.queue("example.com"))
            #expect(full.blockedBy?.contains("is full") == true, "\(full)")
            try rig.send(to: "u@twin.test")
            try await expectEventually("expired", within: .seconds(24)) { rig.metric("total_messages_expired") == 1 }
        }
    }

    @Test func behindAMessageRate() async throws {
        let plan = RigPlan(
            queue: "max_age = '6s'", path: "prohibited_hosts = {}, max_message_rate = '1/hour,max_burst=1', idle_timeout = '30s'")
        try await Rig.run(plan) { rig in
            for index in 0..<3 { try rig.send(to: "u\(index)@example.com") }
            try await expectEventually("expired", within: .seconds(24)) { rig.metric("total_messages_expired") == 2 }
            #expect(rig.counters.messages == 1)
        }
    }
}
