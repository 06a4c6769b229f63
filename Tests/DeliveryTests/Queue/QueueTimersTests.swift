import NIOCore
import NIOEmbedded
import Platform
import Testing

@testable import Delivery

@Suite struct QueueTimersTests {
    private static func now() -> MonotonicInstant { .now() }

    @Test func theSoonerWakeUpWins() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let far = Self.now() + .seconds(3600)
        bench.ground.timers.schedule(queue, at: far)
        #expect(queue.wakeUp == far)
        bench.ground.timers.schedule(queue, at: far + .seconds(1))
        #expect(queue.wakeUp == far, "a later wish does not move an earlier one")
        bench.ground.timers.schedule(queue, at: far - .seconds(1))
        #expect(queue.wakeUp == far - .seconds(1))
    }

    @Test func whatIsDueIsWokenOnceAndForgotten() throws {
        let bench = try Bench()
        let queues = (0..<50).map { bench.queue("d\($0).test") }
        for queue in queues.shuffled() { bench.ground.timers.schedule(queue, at: Self.now() - .milliseconds(.random(in: 0..<1000) as Int)) }
        let later = bench.queue("later.test")
        let far = Self.now() + .seconds(3600)
        bench.ground.timers.schedule(later, at: far)
        bench.loop.advanceTime(by: .milliseconds(2))
        #expect(queues.allSatisfy { $0.wakeUp == .distantFuture })
        #expect(later.wakeUp == far)
    }

    /// The loop's own clock stands while the machine sleeps, so nothing waits longer than a minute; waking early changes nothing.
    @Test func anEarlyTimerRearms() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let far = Self.now() + .seconds(3600)
        bench.ground.timers.schedule(queue, at: far)
        for _ in 0..<5 { bench.loop.advanceTime(by: .seconds(60)) }
        #expect(queue.wakeUp == far)
        bench.ground.timers.schedule(queue, at: Self.now() - .milliseconds(1))
        bench.loop.advanceTime(by: .milliseconds(2))
        #expect(queue.wakeUp == .distantFuture)
    }
}
