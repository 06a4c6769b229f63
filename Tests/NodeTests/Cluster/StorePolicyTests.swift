import NIOPosix
import RedisFixture
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

extension ClusterControlTests {
    /// What a policy does with Redis itself: `redis.open` and `kumo.make_throttle` in a handler.
    @Suite(.serialized, .timeLimit(.minutes(8))) struct StorePolicyTests {
        @Test func handlersTalkToRedis() async throws {
            var plan = ClusterPlan()
            plan.policy = """
                local redis = require 'redis'
                kumo.on('smtp_server_message_received', function(msg)
                  local store = redis.open { node = STORE }
                  msg:set_meta('n', tostring(store:query('INCR', 'received')))
                  store:query('HSET', 'seen', msg:recipient().user, 'x\\0y')
                  local ok, why = pcall(store.query, store, 'HGET', 'received', 'f')
                  msg:set_meta('why', tostring(ok) .. ' ' .. tostring(why))
                end)
                """
            try await ClusterRig.run(plan) { rig in
                for member in rig.members { try await member.load(5, to: "example.com") }
                try await expectEventually("delivered", within: .seconds(20)) { rig.counters.messages == 10 }
                #expect(try rig.store.command(["GET", "received"]) == "$2\r\n10\r\n")
                #expect(try rig.store.command(["HLEN", "seen"]) == ":10\r\n")
                #expect(try rig.store.command(["HGET", "seen", "n1-4"]) == "$3\r\nx\0y\r\n")
                var numbers: [Int] = []
                for member in rig.members {
                    for record in try await member.records("Delivery") {
                        numbers.append(Int(record.meta["n"] ?? "") ?? -1)
                        #expect(record.meta["why"]?.hasPrefix("false ") == true && record.meta["why"]?.contains("WRONGTYPE") == true)
                    }
                }
                #expect(numbers.sorted() == Array(1...10), "each call counted once")
            }
        }

        /// Two nodes, one throttle: handlers wait their turn over both.
        @Test func sleepIfThrottledWaitsForTheWholeCluster() async throws {
            var plan = ClusterPlan()
            plan.policy = """
                kumo.on('smtp_server_message_received', function(msg)
                  kumo.make_throttle('uploads', '4/s'):sleep_if_throttled()
                end)
                """
            try await ClusterRig.run(plan) { rig in
                try await rig.storeIsOpen()
                let start = Clock.monotonic()
                // Both at once: one transaction of six messages, each waits in the handler.
                let ports = rig.members.map(\.port)
                let replies = try await withThrowingTaskGroup(of: String.self) { group in
                    for port in ports { group.addTask { try await Self.upload(6, to: port) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(replies.count == 2 && replies.allSatisfy { $0.hasPrefix("250") }, "\(replies)")
                // Twelve of four per second.
                #expect(Clock.monotonic() - start >= 1_950_000_000)
                try await expectEventually("delivered") { rig.counters.messages == 12 }
            }
        }

        /// On a thread where it may block: the threads of the tasks are few.
        private static func upload(_ count: Int, to port: Int) async throws -> String {
            try await NIOThreadPool.singleton.runIfActive {
                let client = try RawClient(port: port)
                try client.say("EHLO client.test")
                return try client.deliver(to: (0..<count).map { "u\($0)@example.com" })
            }
        }

        /// `throttle` takes one "if all of it is free now"; a throttle that is hardly used is free.
        @Test func aFreeThrottleAdmitsAtOnce() async throws {
            var plan = ClusterPlan(nodes: 1)
            plan.policy = """
                kumo.on('smtp_server_message_received', function(msg)
                  local rate = kumo.make_throttle('rare', '50/min')
                  msg:set_meta('throttled', tostring(rate:throttle().throttled))
                end)
                """
            try await ClusterRig.run(plan) { rig in
                try await rig.storeIsOpen()
                for _ in 0..<3 {
                    try await rig.members[0].load(1, to: "example.com")
                    // Longer than a slot of this rate may lie unused.
                    try await Task.sleep(for: .milliseconds(1300))
                }
                try await expectEventually("delivered") { rig.counters.messages == 3 }
                let answers = try await rig.members[0].records("Delivery").map { $0.meta["throttled"] ?? "" }
                #expect(answers == ["false", "false", "false"], "refused although 50 are free")
            }
        }
    }
}
