import Cluster
import RedisFixture
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

extension ClusterStoreTests {
    /// Redis loses its data and lives on.
    @Suite(.serialized, .timeLimit(.minutes(8))) struct StoreFlushTests {
        /// The store must not grant for longer than a minute, but each node has a share: that is used after a few seconds, not after a minute.
        @Test func sharesBridgeTheTimeInWhichAnEmptyStoreOnlyWatches() async throws {
            var plan = ClusterPlan()
            plan.path = "connection_limit = 'local:2', max_message_rate = '100/s'"
            try await ClusterRig.run(plan) { rig in
                for member in rig.members { try await member.load(400, to: "example.com") }
                try await expectEventually("mail flows", within: .seconds(40)) { rig.counters.messages >= 80 }
                try rig.store.command(["FLUSHALL"])
                let flushed = Clock.monotonic()
                try await expectEventually("the nodes notice", within: .seconds(10)) {
                    rig.members.allSatisfy { $0.modes.contains(.learning) && ($0.cluster?.limits.statistics.epochChanges ?? 0) > 0 }
                }
                try await expectEventually("delivery goes on", within: .seconds(20)) {
                    let late = await rig.arrivals().filter { $0.time > flushed + 3_000_000_000 }
                    return rig.members.allSatisfy { late.from($0.name).count >= 40 }
                }
                #expect(rig.members.allSatisfy { $0.modes == [.learning] })
                let arrivals = await rig.arrivals()
                for seconds in 1...5 {
                    let most = arrivals.most(within: .seconds(seconds))
                    #expect(most <= 100 * seconds + 8, "\(most) within \(seconds) s")
                }
            }
        }
    }
}
