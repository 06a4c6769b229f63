import NIOCore
import NIOEmbedded
import Testing

@testable import Node

@Suite struct QueueTimersTests {
    private static func now() -> Int64 { Clock.wall() / 1_000_000 }

    @Test func theSoonerWakeUpWins() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let far = Self.now() + 3_600_000
        bench.shard.timers.schedule(queue, at: far)
        #expect(queue.wakeUp == far)
        bench.shard.timers.schedule(queue, at: far + 1000)
        #expect(queue.wakeUp == far, "a later wish does not move an earlier one")
        bench.shard.timers.schedule(queue, at: far - 1000)
        #expect(queue.wakeUp == far - 1000)
    }

    @Test func whatIsDueIsWokenOnceAndForgotten() throws {
        let bench = try Bench()
        let queues = (0..<50).map { bench.queue("d\($0).test") }
        for queue in queues.shuffled() { bench.shard.timers.schedule(queue, at: Self.now() - .random(in: 0..<1000)) }
        let later = bench.queue("later.test")
        let far = Self.now() + 3_600_000
        bench.shard.timers.schedule(later, at: far)
        bench.loop.advanceTime(by: .milliseconds(2))
        #expect(queues.allSatisfy { $0.wakeUp == .max })
        #expect(later.wakeUp == far)
    }

    /// The wall clock may jump, so nothing sleeps longer than a minute; waking early changes nothing.
    @Test func anEarlyTimerRearms() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let far = Self.now() + 3_600_000
        bench.shard.timers.schedule(queue, at: far)
        for _ in 0..<5 { bench.loop.advanceTime(by: .seconds(60)) }
        #expect(queue.wakeUp == far)
        bench.shard.timers.schedule(queue, at: Self.now() - 1)
        bench.loop.advanceTime(by: .milliseconds(2))
        #expect(queue.wakeUp == .max)
    }
}
