import Cluster
import NIOEmbedded
import Platform
import Resources
import Shaping
import Testing

@testable import Delivery

@Suite struct UnreadableBounceTests {
    /// A damaged record cannot be bounced; it must not keep the loop busy.
    @Test func whatCannotBeReadIsLookedAtAgainLater() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let rule = ControlEntry.rule(.bounce, scope: ControlScope(queues: ["example.com"]), reason: "r", issuer: "i", expires: nil)
        let now = bench.services.clocks.now
        for index in 0..<3 { queue.insert(DueEntry(due: now + .seconds(1), handle: UInt32(index + 1), received: now)) }
        _ = try bench.services.control.issue(rule)
        bench.services.state.phase = .stopping  // reading back is on other threads: only the first turn is looked at
        bench.loop.run()
        #expect(queue.heap.count == 3)
        bench.services.state.phase = .ready
        queue.sweepAgainAt = now + .seconds(60)
        queue.pump()
        #expect(queue.sweep == nil && queue.heap.count == 3)
        #expect(queue.wakeUp <= now + .seconds(61))
    }
}
