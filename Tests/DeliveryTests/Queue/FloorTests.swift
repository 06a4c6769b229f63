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
import Spool
import TestSupport
import Testing

@testable import Delivery

/// Nothing in a queue may go round without end: each loop has a floor, whatever the clocks say and whatever comes back.
@Suite struct FloorTests {
    private func open(_ bench: Bench) throws -> ScheduledQueue {
        let queue = bench.openQueue()
        queue.setup = QueueSetup(
            config: .defaults, poolName: "unspecified", sources: [(EgressSource(name: "unspecified", config: .unspecified), 1)],
            refreshAt: .distantFuture, limiter: nil)
        return queue
    }

    private static func route(expires: MonotonicInstant) -> MailRoute {
        MailRoute(siteName: "dead", hosts: [], kind: .mx, expires: expires)
    }

    /// The field fault: routes that end by one clock and are judged by another. A route that was just looked up is used.
    @Test(arguments: [MonotonicInstant.distantPast, MonotonicInstant(nanoseconds: 0), .now(), .now() - .seconds(86_400)])
    func aRouteThatJustCameIsUsedOnce(_ expires: MonotonicInstant) throws {
        let bench = try Bench()
        let queue = try open(bench)
        queue.insert(DueEntry(due: bench.clocks.steady, handle: 1, received: bench.clocks.steady))
        queue.residents[1] = bench.message(["a@example.com"], in: queue, handle: SpoolHandle(raw: 1))
        queue.isResolving = true
        queue.resolved(RouteAnswer(.success(Self.route(expires: expires)), expires: expires))
        bench.loop.run()
        #expect(queue.heap.first?.attempts == 1, "it went to its path, which knows no host")
        #expect(queue.routeFreshUntil == .distantPast && !queue.isResolving, "used once, and not asked for again without need")
    }

    @Test func aFailureIsNotAskedForAgainAtOnce() throws {
        let bench = try Bench()
        let queue = try open(bench)
        queue.insert(DueEntry(due: bench.clocks.steady, handle: 1, received: bench.clocks.steady))
        queue.resolved(RouteAnswer(.failure(.temporary("no")), expires: .distantPast, isRemembered: true))
        #expect(!queue.isResolving && queue.heap.count == 1)
        bench.loop.advanceTime(by: .milliseconds(5))  // the wake-up of the time when it was put in
        #expect(!queue.isResolving)
        #expect(queue.wakeUp > bench.clocks.steady && queue.wakeUp <= bench.clocks.steady + .seconds(1))
    }

    /// A queue that asks to be woken in the past is woken once per turn of the timer.
    @Test func aWakeUpInThePastKeepsNoLoopBusy() throws {
        let bench = try Bench()
        let queue = bench.queue()
        queue.insert(DueEntry(due: .distantPast, handle: 1, received: bench.clocks.steady))
        for _ in 0..<100 {
            bench.ground.timers.schedule(queue, at: .distantPast)
            bench.loop.run()
        }
        #expect(queue.wakeUp == .distantPast, "it waits for the timer")
    }

    /// What keeps coming back without an attempt waits longer and longer, up to ten seconds.
    @Test func whatComesBackUntouchedWaits() throws {
        let bench = try Bench()
        let queue = bench.queue()
        var message = bench.message(["a@example.com"], in: queue)
        var waits: [Duration] = []
        for _ in 0..<30 {
            _ = queue.heap.removeAll()
            queue.out = 1
            queue.settle(message, .untouched)
            message = try #require(queue.residents[7])
            waits.append(try #require(queue.heap.first).due - bench.clocks.steady)
        }
        #expect(waits[0..<8].allSatisfy { $0 <= .zero }, "a session that breaks beside a message does not hold it up")
        #expect(waits[8] > .milliseconds(5) && waits[29] > .seconds(9) && waits[29] <= .seconds(10))
        _ = queue.heap.removeAll()
        queue.out = 1
        message.isReduced = true  // so that it stays in memory
        queue.settle(message, .everyone(message, .transient, Reply(450, "later")))
        #expect(queue.residents[7]?.idleReturns == 0)
    }

    /// A rebind calls messages back from ready queues, each once: while one of the queue is on the wire the others go on.
    @Test func aRecalledMessageIsNotCalledBackAgain() throws {
        let bench = try Bench()
        let queue = bench.openQueue()
        let message = bench.message(["a@example.com"], in: queue)
        queue.out = 2  // one more is on the wire
        let entry = ControlEntry.rule(
            .rebind, scope: ControlScope(queues: ["example.com"]),
            payload: Rebind.payload(data: ["a": .integer(1)], alwaysFlush: false, suppressLogging: true), reason: "r", issuer: "i",
            expires: nil)
        let issued = try bench.services.control.issue(entry)
        let rebind = try #require(Rebind(issued, run: RebindRun(queues: 1) {}, bench.clocks.clocks))
        queue.startRebind(rebind)
        #expect(queue.gate.holds(message, bench.services.control))
        queue.settle(message, .untouched)
        #expect(!queue.rebinds.isEmpty, "the other message may still come back")
        let rebound = try #require(queue.residents[7])
        #expect(rebound.meta.map(\.key) == ["a"])
        #expect(!queue.gate.holds(rebound, bench.services.control), "it has been rebound")
    }

    /// `refresh_interval = 0` asks the policy once a second, not without end.
    @Test func thePolicyIsNotAskedWithoutEnd() throws {
        let bench = try Bench()
        let queue = bench.queue()
        var loaded: QueueSetup?
        QueueSetupLoader(engine: nil, limits: bench.services.limits, clocks: bench.clocks.clocks).load(
            queue.gate.parsed, queueText: queue.name
        ) { loaded = try? $0.get() }
        #expect(try #require(loaded).refreshAt > bench.clocks.steady)
    }
}

/// A failure that is remembered spends no attempt.
@Suite struct RememberedFailureTests {
    private func open(_ bench: Bench) throws -> ScheduledQueue {
        let queue = bench.queue()
        try bench.resume()
        queue.route = nil
        queue.setup = QueueSetup(config: .defaults, poolName: "unspecified", sources: [], refreshAt: .distantFuture, limiter: nil)
        queue.isResolving = true
        return queue
    }

    private var nextHandle: UInt32 = 100

    private mutating func add(_ bench: Bench, _ queue: ScheduledQueue) -> QueuedMessage {
        nextHandle += 1
        let message = bench.message(["a@example.com"], in: queue, handle: SpoolHandle(raw: nextHandle))
        queue.keep(message, due: bench.clocks.steady)
        return message
    }

    /// Attempts that the queue has counted for a message; nil when it has it no more.
    private func attempts(_ queue: ScheduledQueue, _ message: QueuedMessage) -> Int? { queue.heap.entry(message.handle.raw)?.attempts }

    private static func failure(_ failure: RouteFailure, _ bench: Bench, seconds: Int64, isRemembered: Bool) -> RouteAnswer {
        RouteAnswer(.failure(failure), expires: bench.clocks.steady + .seconds(seconds), isRemembered: isRemembered)
    }

    @Test(arguments: [RouteFailure.noSuchDomain("x does not exist"), .temporary("SERVFAIL")])
    mutating func onlyARealAnswerSpendsAnAttempt(_ failure: RouteFailure) throws {
        let bench = try Bench()
        let queue = try open(bench)
        let message = add(bench, queue)
        queue.resolved(Self.failure(failure, bench, seconds: 60, isRemembered: false))
        #expect(attempts(queue, message) == 1 && queue.lastReply != nil)
        // The next is due while the answer is remembered.
        bench.clocks.pass(.seconds(1))
        let (second, asked) = (add(bench, queue), bench.clocks.steady)
        bench.clocks.pass(.seconds(29))
        bench.loop.advanceTime(by: .milliseconds(5))
        queue.pump()
        #expect(attempts(queue, second) == 0 && queue.heap.dueCount(at: bench.clocks.steady) == 1)
        let wake = queue.wakeUp - asked
        #expect(queue.status().state == "blocked")
        #expect(queue.explanation().contains { $0.contains("waits until the DNS may have another answer, at ") }, "\(queue.explanation())")
        // The answer has ended: now it is asked.
        #expect(wake <= .seconds(61))
        bench.clocks.pass(.seconds(31))
        queue.pump()
        #expect(queue.isResolving)
        queue.resolved(Self.failure(failure, bench, seconds: 60, isRemembered: false))
        #expect(attempts(queue, second) == 1)
    }

    @Test mutating func aRememberedAnswerOfTheRouterSpendsNone() throws {
        let bench = try Bench()
        let queue = try open(bench)
        let message = add(bench, queue)
        queue.resolved(Self.failure(.noSuchDomain("x"), bench, seconds: 60, isRemembered: true))
        #expect(attempts(queue, message) == 0 && queue.heap.count == 1 && !queue.isResolving)
    }

    /// What is final needs no second question.
    @Test(arguments: [RouteFailure.nullMX, .invalidDomain("x")], [true, false])
    mutating func aFinalFailureBouncesAtOnce(_ failure: RouteFailure, _ isRemembered: Bool) throws {
        let bench = try Bench()
        let queue = try open(bench)
        _ = add(bench, queue)
        queue.resolved(Self.failure(failure, bench, seconds: 60, isRemembered: isRemembered))
        #expect(queue.heap.isEmpty)
        _ = add(bench, queue)
        queue.pump()
        #expect(queue.heap.isEmpty)
    }
}
