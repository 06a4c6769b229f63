import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

extension ClusterLimitTests {
    /// Caps on connections that several nodes share through a real Redis.
    @Suite(.serialized, .timeLimit(.minutes(12))) struct SharedConnectionTests {
        /// Fewer connections than nodes: each gets its turn.
        @Test func twoConnectionsForThreeNodes() async throws {
            var plan = ClusterPlan(nodes: 3, rules: ["dot=delay=80ms"])
            plan.throttles = "quantum = '1s'"
            plan.path = "connection_limit = 2"
            try await ClusterRig.run(plan) { rig in
                for member in rig.members { try await member.load(60, to: "example.com") }
                let watch = ConnectionWatch(rig.sink)
                defer { watch.stop() }
                try await expectEventually("delivered", within: .seconds(90)) { rig.counters.messages == 180 }
                #expect(watch.most == 2, "\(watch.most) connections at once")
                let arrivals = await rig.arrivals()
                #expect(arrivals.count == 180 && arrivals.recipients.count == 180)
                let firsts = rig.members.map { arrivals.from($0.name).first }
                let lasts = rig.members.map { arrivals.from($0.name).last }
                #expect(try #require(firsts.max()) < (try #require(lasts.min())), "a node had to wait until another one had finished")
                for member in rig.members {
                    #expect(arrivals.from(member.name).longestGap < 15_000_000_000, "\(member.name) waited too long")
                }
            }
        }
    }
}
