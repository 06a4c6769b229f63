import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

extension ClusterLimitTests {
    /// Rates that several nodes share through a real Redis, as the sink sees them.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct SharedRateTests {
        /// A connection has at most two messages that took a slot and have not arrived: the one it sends, and the one looked ahead. That many
        /// more than a limit may arrive within its period, however slow the machine is.
        static let inFlight = 2

        @Test func ratesAreSharedAndLocalOnesAreNot() async throws {
            var plan = ClusterPlan()
            plan.domains = ["stream.test", "log.test", "slots.test", "own.test"]
            plan.path = """
                connection_limit = 'local:2',
                max_message_rate = ({ ['stream.test'] = '300/s', ['log.test'] = '20/s', ['slots.test'] = '240/min', ['own.test'] = 'local:20/s' })[domain]
                """
            try await ClusterRig.run(plan) { rig in
                for member in rig.members { try await member.load(60, to: "own.test") }
                for (domain, count) in [("slots.test", 10), ("log.test", 40), ("stream.test", 700)] {
                    for member in rig.members { try await member.load(count, to: domain) }
                }
                try await expectEventually("delivered", within: .seconds(90)) { rig.counters.messages == 1620 }
                let arrivals = await rig.arrivals()
                #expect(arrivals.recipients.count == 1620 && arrivals.count == 1620, "every message once")

                let spare = 2 * 2 * Self.inFlight
                let stream = arrivals.to("stream.test")
                for seconds in 1...4 {
                    let most = stream.most(within: .seconds(seconds))
                    #expect(most <= 300 * seconds + spare, "\(most) within \(seconds) s")
                }
                let steady = stream.filter { (stream.first + 1_000_000_000..<stream.first + 3_000_000_000).contains($0.time) }
                #expect(steady.count >= 300, "\(steady.count) within two seconds: more than half of the limit should be used")
                let start = stream.filter { $0.time < stream.first + 2_500_000_000 }
                for member in rig.members { #expect(start.from(member.name).count >= start.count / 7, "\(member.name) hardly takes part") }

                let log = arrivals.to("log.test")
                for seconds in 1...3 { #expect(log.most(within: .seconds(seconds)) <= 20 * seconds + spare) }
                #expect(log.nodes.count == 2)
                // 4 per second, one at a time; what is shared is the line, so the first second is no exception.
                #expect(arrivals.to("slots.test").most(within: .seconds(1)) <= 6 + spare && arrivals.to("slots.test").nodes.count == 2)

                let own = arrivals.to("own.test")
                for member in rig.members { #expect(own.from(member.name).most(within: .seconds(1)) <= 20 + 2 * Self.inFlight) }
                #expect(own.most(within: .seconds(1)) > 20 + spare, "each node has the whole of a local limit")
                #expect(own.first < stream.first && own.first < log.first, "a local limit does not wait for the store")
                for member in rig.members { #expect(member.metric("redis_timeouts_total") <= 3, "the store is asked in time") }
            }
        }
    }
}
