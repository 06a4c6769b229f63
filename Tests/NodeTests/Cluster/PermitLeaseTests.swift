import Client
import NIOCore
import RedisFixture
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

extension ClusterLimitTests {
    /// Leases of connection permits, and what becomes of connections when they end.
    @Suite(.serialized, .timeLimit(.minutes(12))) struct PermitLeaseTests {
        /// The shortest lease there is, and nobody who asks for more: it has to be renewed before it forbids transactions.
        @Test func aShortLeaseIsRenewedInTime() async throws {
            var plan = ClusterPlan(nodes: 1, rules: ["dot=delay=100ms"])
            plan.throttles = "permit_ttl = '6s'"
            plan.path = "connection_limit = 1"
            try await ClusterRig.run(plan) { rig in
                try await rig.storeIsOpen()
                try await rig.members[0].load(60, to: "example.com")
                try await expectEventually("delivered", within: .seconds(60)) { rig.counters.messages == 60 }
                let gap = await rig.arrivals().longestGap
                #expect(gap < 1_500_000_000, "nothing was sent for \(Double(gap) / 1e9) s although Redis answers")
                #expect(rig.members[0].metric("limit_lease_lost_total") == 0, "a connection was closed although Redis answers")
                #expect(rig.counters.connections == 1)
            }
        }

        /// Redis hangs: who cannot renew its lease ends its connections before the others may have them.
        @Test func aLeaseThatEndsClosesItsConnections() async throws {
            var plan = ClusterPlan(rules: ["dot=delay=60ms"])
            plan.throttles = "permit_ttl = '6s'"
            plan.path = "connection_limit = 4"
            let logs = try await ClusterRig.run(plan) { rig in
                for member in rig.members { try await member.load(250, to: "example.com") }
                try await expectEventually("both deliver", within: .seconds(40)) {
                    let arrivals = await rig.arrivals()
                    return rig.members.allSatisfy { arrivals.from($0.name).count >= 10 }
                }
                let watch = ConnectionWatch(rig.sink)
                defer { watch.stop() }
                rig.store.pause()
                let paused = Clock.monotonic()
                var reasons: [Bool] = []
                try await expectEventually("no transaction is started any more, and why", within: .seconds(10)) {
                    reasons = []
                    for member in rig.members { reasons.append(await Self.namesTheLease(member)) }
                    return !reasons.contains(false)
                }
                var lingering: [String] = []
                try await expectEventually("all are closed", within: .seconds(20)) {
                    if rig.counters.open > 0, lingering.isEmpty, Clock.monotonic() > paused + 6_200_000_000 {
                        for member in rig.members { lingering += await Self.paths(member) }
                    }
                    return rig.counters.open == 0
                }
                let held = rig.counters.messages
                // Two looks at what comes next: the paths try again four times a second.
                try await Task.sleep(for: .milliseconds(1200))
                #expect(rig.counters.open == 0 && rig.counters.messages == held, "sent without a lease")
                let open = watch.lastSeen - paused
                #expect(open <= 6_000_000_000, "still open \(Double(open) / 1e9) s after the last renewal: \(lingering)")
                for member in rig.members {
                    let text = await member.queue("example.com")?.blockedBy ?? ""
                    #expect(text.contains("lease from Redis"), "the reason does not name the lease: \(text)")
                    #expect(member.metric("limit_lease_lost_total") >= 1)
                }
                rig.store.resume()
                let resumed = Clock.monotonic()
                try await expectEventually("delivered", within: .seconds(60)) { rig.counters.messages == 500 }
                let arrivals = await rig.arrivals()
                #expect(arrivals.count == 500 && arrivals.recipients.count == 500, "every message once")
                let late = arrivals.filter { $0.time > paused + 6_000_000_000 && $0.time < resumed }
                #expect(late.count == 0, "\(late.count) messages were sent after the lease had ended")
                var logs: [LoggedRecord] = []
                for member in rig.members { logs += try await member.records() }
                return logs
            }
            let attempts = logs.filter { $0.type == "Delivery" }.map(\.num_attempts)
            #expect(attempts.count == 500 && attempts.allSatisfy { $0 == 1 }, "a lease that ends is no attempt")
            #expect(logs.allSatisfy { $0.type == "Delivery" || $0.type == "Reception" }, "\(Set(logs.map(\.type)))")
        }

        /// What the paths of a member say of their connections.
        private static func paths(_ member: ClusterMember) async -> [String] {
            var sentences: [String] = []
            for path in member.node.services.paths.all {
                sentences += await member.node.shards.explanation(of: path)
            }
            return sentences.map { "\(member.name): \($0)" }
        }

        private static func namesTheLease(_ member: ClusterMember) async -> Bool {
            await member.queue("example.com")?.blockedBy?.contains("lease from Redis") == true
        }
    }
}
