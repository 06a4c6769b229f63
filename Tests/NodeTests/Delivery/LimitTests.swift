import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// The limits of an egress path, as the sink sees them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PathLimitTests {
    @Test(arguments: [1, 3]) func connectionLimit(_ limit: Int) async throws {
        let plan = RigPlan(
            path: "prohibited_hosts = {}, connection_limit = \(limit), max_deliveries_per_connection = 7", rules: ["dot=delay=15ms"])
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<60 { try client.deliver(to: ["u@\(index % 2 == 0 ? "example.com" : "twin.test")"], id: "m\(index)") }
            var most = 0
            try await expectEventually("delivered", within: .seconds(20)) {
                most = max(most, rig.counters.open)
                return rig.counters.messages == 60
            }
            #expect(most <= limit && most > 0, "\(most) connections at once")
        }
    }

    @Test func maxDeliveriesPerConnection() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1, max_deliveries_per_connection = 3")
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<9 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try await expectEventually("delivered") { rig.counters.messages == 9 }
            let sessions = await rig.received().reduce(into: [String: Int]()) { $0[$1.session, default: 0] += 1 }
            #expect(sessions.values.sorted() == [3, 3, 3])
        }
    }

    @Test func connectionsAreReusedThenClosedWhenIdle() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, idle_timeout = '6s'")
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<4 {
                try client.deliver(to: ["u@example.com"], id: "m\(index)")
                try await expectEventually("delivered") { rig.counters.messages == index + 1 }
            }
            #expect(rig.counters.connections == 1, "one after the other needs one connection")
            #expect(rig.counters.open == 1)
            try await expectEventually("closed", within: .seconds(12)) { rig.counters.open == 0 }
        }
    }

    @Test func aReadyQueueHoldsNoMoreThanItMay() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1, max_ready = 4", rules: ["dot=delay=10ms"], loops: 1)
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            // The path learns its size with its configuration.
            try client.deliver(to: ["u@example.com"])
            try await expectEventually("delivered") { rig.counters.messages == 1 }
            for index in 0..<50 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            var most = 0.0
            try await expectEventually("delivered") {
                most = max(most, rig.metric("ready_count"))
                return rig.counters.messages == 51
            }
            #expect(most <= 4)
        }
    }

    @Test func maxMessageRate() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, max_message_rate = '10/s,max_burst=1'")
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<21 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try await expectEventually("delivered") { rig.counters.messages == 21 }
            let times = await rig.received().map(\.time).sorted()
            let span = (times.last ?? 0) - (times.first ?? 0)
            #expect(span >= 1.85 && span < 4, "21 messages took \(span) s")
            for (index, time) in times.enumerated() {
                #expect(times.count { $0 >= time && $0 < time + 1 } <= 12, "after message \(index)")
            }
        }
    }

    @Test func maxConnectionRate() async throws {
        let plan = RigPlan(
            path: "prohibited_hosts = {}, max_connection_rate = '2/s,max_burst=1', max_deliveries_per_connection = 1, connection_limit = 8")
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            let start = ContinuousClock.now
            for index in 0..<4 { try client.deliver(to: ["u@example.com"], id: "m\(index)") }
            try await expectEventually("delivered") { rig.counters.messages == 4 }
            #expect(ContinuousClock.now - start >= .milliseconds(1300))
        }
    }

    @Test func theRateOfAQueueIsItsOwn() async throws {
        var plan = RigPlan(queue: nil)
        plan.policy = """
            kumo.on('get_queue_config', function(domain)
              return { max_message_rate = domain == 'twin.test' and '2/s,max_burst=1' or nil }
            end)
            """
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<4 { try client.deliver(to: ["u@twin.test"], id: "t\(index)") }
            for index in 0..<4 { try client.deliver(to: ["u@example.com"], id: "e\(index)") }
            try await expectEventually("the other queue") { await rig.queue("example.com")?.delivered == 4 }
            let blocked = await rig.queue("twin.test")?.blockedBy
            #expect(
                blocked?.hasPrefix("max_message_rate 2/s,max_burst=1 of this queue; the next may go ") == true, "\(blocked ?? "nothing")")
            try await expectEventually("delivered") { rig.counters.messages == 8 }
        }
    }
}
