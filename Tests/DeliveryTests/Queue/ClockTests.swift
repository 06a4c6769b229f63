import Client
import Cluster
import DNS
import Message
import NIOCore
import NIOEmbedded
import Options
import Platform
import SMTP
import Shaping
import TestSupport
import Testing

@testable import Delivery
@testable import Spool

/// What waits goes by the steady clock, whatever anybody does to the wall clock.
@Suite struct ClockTests {
    /// How somebody may set the wall clock.
    static let steps: [Duration] = [
        .seconds(-60), .seconds(-7200), .seconds(-86_400 * 3650), .seconds(-86_400 * 366 * 60), .seconds(60), .seconds(7200),
        .seconds(86_400 * 3650), .seconds(86_400 * 366 * 500), .zero,
    ]

    private static func transient(_ message: QueuedMessage) -> AttemptOutcome {
        .everyone(message, .transient, Reply(450, "later"))
    }

    /// A message that has failed once; due in twenty minutes.
    private func deferred(_ bench: Bench) throws -> (queue: ScheduledQueue, due: MonotonicInstant) {
        let queue = bench.queue()
        let message = bench.message(["a@example.com"], in: queue)
        queue.out = 1
        queue.settle(message, Self.transient(message))
        return (queue, try #require(queue.heap.first?.due))
    }

    @Test(arguments: steps) func aRetryWaitsAsLongAsWasAskedFor(_ step: Duration) throws {
        let bench = try Bench()
        let (queue, due) = try deferred(bench)
        bench.clocks.setWall(by: step)
        bench.clocks.pass(.seconds(1100))
        queue.pump()
        #expect(queue.status().due == 0)
        #expect(queue.heap.first?.due == due)
        bench.clocks.pass(.seconds(140))
        #expect(queue.status().due == 1)
        #expect(queue.heap.count == 1, "a clock that is set ends no message")
    }

    /// The queue's timer looks at the steady clock too.
    @Test(arguments: steps) func theTimerFiresInTime(_ step: Duration) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let due = bench.clocks.steady + .seconds(10)
        bench.ground.timers.schedule(queue, at: due)
        bench.clocks.setWall(by: step)
        bench.clocks.pass(.seconds(9))
        bench.loop.advanceTime(by: .seconds(9))
        #expect(queue.wakeUp == due)
        bench.clocks.pass(.seconds(2))
        bench.loop.advanceTime(by: .seconds(2))
        #expect(queue.wakeUp != due)
    }

    @Test(arguments: steps) func ageIsCountedByTheSteadyClock(_ step: Duration) throws {
        let bench = try Bench()
        let queue = bench.queue()
        queue.setup = QueueSetup(config: .defaults, poolName: "unspecified", sources: [], refreshAt: .distantFuture, limiter: nil)
        let day = Duration.seconds(86_400)
        bench.clocks.setWall(by: step)
        for (index, age) in [Duration.zero, day * 6, day * 8].enumerated() {
            queue.insert(
                DueEntry(due: bench.clocks.steady + day, handle: UInt32(index + 1), received: bench.clocks.steady - age, attempts: 1))
        }
        bench.clocks.setWall(by: step)
        queue.pump()
        #expect(queue.heap.count == 2, "only what has waited for more than max_age expires")
        let oldest = try #require(queue.status().oldestAge)
        #expect(abs(oldest - 6 * 86_400) < 5)
    }

    /// The entry of a message rounds up the second in which it was in the spool; what came before a rebind has to be known exactly.
    @Test(arguments: [0, 1, 400, 999, 2500, 9000]) func theTimeOfReceptionComesFromTheDisk(_ commit: Int64) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let came = bench.clocks.steady - .seconds(20)
        let created = (bench.clocks.wall - .seconds(20)).unixNanoseconds
        let stored = SpoolMessage(
            handle: SpoolHandle(raw: 1), id: MessageID(high: 1, low: 2),
            envelope: SpoolEnvelope(
                sender: "", recipients: ["a@example.com"], queue: "example.com", created: created, due: created, attempts: 1, expires: 0,
                lastReply: "", meta: []),
            headers: ByteBuffer(), body: .inline(ByteBuffer()), bodyLength: 0)
        let entry = DueEntry(due: bench.clocks.steady, handle: 1, received: came + .milliseconds(commit), attempts: 1)
        #expect(abs(queue.restore(stored, entry).received.nanoseconds(since: came)) < 1_000_000)
    }

    /// The default may be less than what the messages were promised.
    @Test func nothingExpiresBeforeThePolicyWasRead() throws {
        let bench = try Bench()
        let queue = bench.queue()
        queue.insert(
            DueEntry(due: bench.clocks.steady, handle: 1, received: bench.clocks.steady - .seconds(30 * 86_400), attempts: 1))
        queue.pump()
        #expect(queue.heap.count == 1)
    }

    @Test(arguments: steps) func whatIsReadyExpiresByTheSteadyClock(_ step: Duration) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com"], in: queue)
        let attempt = Attempt(message, expiry: queue.expiry(of: message.envelope))
        bench.clocks.setWall(by: step)
        #expect(!attempt.hasExpired(at: bench.clocks.steady))
        bench.clocks.pass(.seconds(7 * 86_400 + 1))
        #expect(attempt.hasExpired(at: bench.clocks.steady))
    }

    /// A time of its own is an interval too: it is what was left when the message came.
    @Test func aTimeOfItsOwnIsAnInterval() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message([], in: queue, life: .seconds(3600))
        bench.clocks.setWall(by: .seconds(86_400))
        #expect(queue.expiry(of: message.envelope) - message.received == .seconds(3600))
    }

    @Test(arguments: steps) func aSuspensionLastsAsLongAsItShould(_ step: Duration) throws {
        let bench = try Bench()
        let control = bench.services.control
        let queue = bench.openQueue()
        bench.clocks.setWall(by: step)
        let rule = try control.issue(
            .rule(
                .suspend, scope: ControlScope(queues: ["example.com"]), reason: "r", issuer: "i", expires: control.clock() + 5_000_000_000))
        #expect(queue.rules.suspension?.id == rule.id)
        bench.clocks.setWall(by: step)
        bench.clocks.pass(.seconds(4))
        #expect(queue.rules.isHolding)
        #expect(try #require(control.remaining(rule)) <= .seconds(1))
        bench.clocks.pass(.seconds(1))
        #expect(!queue.rules.isHolding)
        control.expire()
        #expect(control.entries.isEmpty)
    }

    /// A suspended queue is pumped when the suspension ends, not before, and not without end.
    @Test func aSuspendedQueueIsWokenAtTheEnd() throws {
        let bench = try Bench()
        let control = bench.services.control
        let queue = bench.openQueue()
        let rule = try control.issue(
            .rule(
                .suspend, scope: ControlScope(queues: ["example.com"]), reason: "r", issuer: "i", expires: control.clock() + 5_000_000_000))
        queue.insert(DueEntry(due: bench.clocks.steady, handle: 1, received: bench.clocks.steady))
        bench.clocks.setWall(by: .seconds(-7200))
        queue.pump()
        bench.loop.advanceTime(by: .milliseconds(5))  // the wake-up of the time when it was put in
        #expect(queue.wakeUp == rule.end.instant)
    }

    /// Nothing traps, whatever the clocks say.
    @Test(
        arguments: [
            .seconds(-86_400 * 366 * 60), .seconds(-86_400 * 366 * 400), .seconds(86_400 * 366 * 200), .seconds(86_400 * 366 * 290),
            .seconds(Int64.max / 2),
        ] as [Duration])
    func worksOnAnyWallClock(_ offset: Duration) throws {
        let bench = try Bench(TestClocks(wallBy: offset))
        let (queue, _) = try deferred(bench)
        let message = bench.message(["b@example.com"], in: queue)
        queue.accept(message)
        #expect(queue.heap.count == 2)
        #expect(queue.status().scheduled == 2)
        #expect(!queue.explanation().isEmpty)
        queue.recover(due: .max, created: .max, attempts: 3)
        queue.recover(due: .min, created: .min, attempts: 0)
        queue.pump()
        #expect(queue.status().oldestAge ?? 0 >= 0)
    }

    @Test(arguments: [Duration.seconds(86_400), .seconds(86_400 * 3650), .seconds(86_400 * 366 * 60), .seconds(-1)])
    func worksOnAnySteadyClock(_ offset: Duration) throws {
        let bench = try Bench(TestClocks(steadyBy: offset))
        let (queue, due) = try deferred(bench)
        let wait = due - bench.clocks.steady
        #expect(wait > .seconds(1165) && wait < .seconds(1235))
        bench.clocks.pass(.seconds(1240))
        #expect(queue.status().due == 1)
    }
}

extension ScheduledQueue {
    /// As after a restart; Unix nanoseconds.
    func recover(due: Int64, created: Int64, attempts: Int) {
        recover(
            SpoolHandle(raw: 9), due: WallInstant(unixNanoseconds: due), created: WallInstant(unixNanoseconds: created), attempts: attempts)
    }
}
