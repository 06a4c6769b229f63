import Client
import Cluster
import RedisFixture
import Sink
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Node
@testable import Resources

extension ClusterStoreTests {
    /// Redis dies while mail flows.
    @Suite(.serialized, .timeLimit(.minutes(12))) struct StoreLossTests {
        @Test func deliveryGoesOnAtSharesAndComesBack() async throws {
            var plan = ClusterPlan()
            plan.throttles = "share_ttl = '5s'"
            plan.path = "connection_limit = 'local:2', max_message_rate = '100/s'"
            let logs = try await ClusterRig.run(plan) { rig in
                for member in rig.members { try await member.load(450, to: "example.com") }
                try await expectEventually("mail flows", within: .seconds(40)) { rig.counters.messages >= 80 }
                rig.store.kill()
                let killed = Clock.monotonic()
                try await expectEventually("shares", within: .seconds(20)) { rig.members.allSatisfy { $0.modes == [.share] } }
                let before = await rig.arrivals()
                // Longer than a share lasts: who is refused by the store's host knows that nobody else is served either.
                try await expectEventually("delivery goes on at shares", within: .seconds(30)) {
                    guard Clock.monotonic() > killed + 7_000_000_000 else { return false }
                    let now = await rig.arrivals()
                    return rig.members.allSatisfy { now.from($0.name).count >= before.from($0.name).count + 40 }
                }
                #expect(rig.members.allSatisfy { $0.modes == [.share] })
                let held = await rig.members[0].node.clusterView.limits(cluster: true)
                #expect(held.first { $0.kind == "rate" }?.mode == "share" && (held.first?.share ?? 0) > 0.3, "\(held)")

                try await rig.store.start()
                let restarted = Clock.monotonic()
                try await expectEventually("leases again", within: .seconds(40)) {
                    rig.members.allSatisfy { $0.modes == [.redis] && ($0.cluster?.limits.statistics.epochChanges ?? 0) > 0 }
                }
                #expect(Clock.monotonic() - restarted > 5_000_000_000, "an empty store must wait until the old shares have ended")
                for member in rig.members { try await member.load(150, to: "example.com") }
                try await expectEventually("delivered", within: .seconds(60)) { rig.counters.messages == 1200 }
                let arrivals = await rig.arrivals()
                #expect(arrivals.count == 1200 && arrivals.recipients.count == 1200, "every message once")
                for seconds in 1...10 {
                    let most = arrivals.most(within: .seconds(seconds))
                    #expect(most <= 100 * seconds + 8, "\(most) within \(seconds) s")
                }
                #expect(arrivals.filter { $0.time > restarted }.most(within: .seconds(1)) >= 60, "the full rate comes back")
                var logs: [LoggedRecord] = []
                for member in rig.members { logs += try await member.records() }
                return logs
            }
            let attempts = logs.filter { $0.type == "Delivery" }.map(\.num_attempts)
            #expect(attempts.count == 1200 && attempts.allSatisfy { $0 == 1 }, "waiting for a limit is no attempt")
            #expect(logs.allSatisfy { $0.type == "Delivery" || $0.type == "Reception" }, "\(Set(logs.map(\.type)))")
        }

        @Test func aNodeThatStartsWithoutRedisTakesMailAndWaits() async throws {
            var plan = ClusterPlan(isStoreUp: false)
            plan.nodes = 1
            plan.domains = ["own.test"]
            plan.path = "connection_limit = 'local:2', max_message_rate = domain == 'own.test' and 'local:100/s' or '100/s'"
            try await ClusterRig.run(plan) { rig in
                let member = rig.members[0]
                try await member.load(30, to: "example.com")
                try await member.load(10, to: "own.test")
                try await expectEventually("what is not shared goes out", within: .seconds(20)) { rig.counters.messages == 10 }
                try await expectEventually("what is shared waits") {
                    let queue = await member.queue("example.com")
                    return queue?.blockedBy?.contains("max_message_rate 100/s") == true
                }
                // Past the time after which shares would count: this node never had one.
                try await expectEventually("the limit is closed", within: .seconds(20)) { member.modes.contains(.closed) }
                #expect(rig.counters.messages == 10, "sent without a lease")
                try await rig.store.start()
                try await expectEventually("delivered", within: .seconds(40)) { rig.counters.messages == 40 }
                let records = try await member.records()
                #expect(records.filter { $0.type == "Delivery" }.count == 40 && records.allSatisfy { $0.type != "TransientFailure" })
                #expect(records.filter { $0.type == "Delivery" }.allSatisfy { $0.num_attempts == 1 })
            }
        }
    }
}
