import Client
import Options
import Platform
import SMTP
import Shaping
import Testing

@testable import Delivery

/// When a queue is shown as blocked, and for how long a limit holds.
@Suite struct StandingTests {
    private static let now = MonotonicInstant.now()

    @Test(
        arguments: [
            (PathBlock.none, false), (.policy("get_egress_path_config: no"), true), (.leaseEnded("connection_limit 5"), true),
            (.connectionLimit(5), false), (.messageRate("max_message_rate 50/s", until: now + .milliseconds(20)), false),
            (.messageRate("max_message_rate 5/d", until: now + .seconds(20_000)), true),
            (.connectionRate("max_connection_rate 1/h", until: now + .seconds(3000)), true),
            (.messageRate("max_message_rate 5/d", until: now - .seconds(1)), false),
        ])
    func aPathStandsWhenNothingMoves(_ block: PathBlock, _ isStanding: Bool) {
        #expect(block.isStanding(at: Self.now) == isStanding)
    }

    @Test(arguments: [(5, "5 s"), (600, "10 min"), (7200 * 3, "6 h"), (86_400 * 20, "20 days")] as [(Int64, String)])
    func everyLimitSaysWhenTheNextMayGo(_ seconds: Int64, _ text: String) throws {
        let clocks = Clocks(steady: { Self.now }, wall: { WallInstant(unixNanoseconds: 1_800_000_000_000_000_000) })
        let until = Self.now + .seconds(seconds)
        for line in [
            PathBlock.messageRate("l", until: until).text(clocks), PathBlock.connectionRate("l", until: until).text(clocks),
            QueueBlock.messageRate(limit: "l", until: until).text(path: nil, clocks),
            QueueBlock.route("l", until: until).text(path: nil, clocks),
        ] {
            #expect(try #require(line).hasSuffix("Z, in \(text)"))
            #expect(try #require(line).contains("at 2027-") || seconds == 86_400 * 20)
        }
    }

    /// A path whose policy fails holds what is ready: the queue is blocked, though nothing of it is due.
    @Test func aFailingPathPolicyBlocksTheQueue() throws {
        let bench = try Bench()
        let queue = bench.openQueue()
        queue.route = Bench.deadPath().firstRoute
        queue.setup = QueueSetup(
            config: .defaults, poolName: "unspecified", sources: [(EgressSource(name: "unspecified", config: .unspecified), 1)],
            refreshAt: .distantFuture, limiter: nil)
        let path = bench.ground.path(
            source: EgressSource(name: "unspecified", config: .unspecified), route: queue.route!, domain: "example.com")
        queue.accept(bench.message(["a@example.com"], in: queue))
        path.show(.policy("get_egress_path_config: p.lua:3: no"))
        queue.out = 1
        let status = queue.status()
        #expect(status.state == "blocked")
        #expect(status.blockedBy == "policy: get_egress_path_config: p.lua:3: no")
        #expect(queue.explanation().contains { $0.contains("p.lua:3: no") })
        path.show(.connectionLimit(5))
        #expect(queue.status().state == "active", "connections that are busy are the normal course")
    }
}
