import DNS
import Message
import NIOCore
import NIOEmbedded
import Options
import Platform
import Resources
import SMTP
import Shaping
import TestSupport
import Testing

@testable import Delivery

/// What an outcome does to a message, on a loop that turns by hand.
@Suite struct SettleTests {
    private static func address(_ text: String) -> EnvelopeAddress { EnvelopeAddress(stored: text) }

    private static func outcome(_ fates: [(String, AttemptOutcome.Fate)]) -> AttemptOutcome {
        AttemptOutcome(
            recipients: fates.map { text, fate in
                let code = fate == .delivered ? 250 : fate == .bounced ? 550 : 450
                return .init(address: address(text), fate: fate, reply: Reply(code, "reply for \(text)"))
            }, consumesAttempt: true)
    }

    @Test func allDeliveredEndsTheMessage() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com", "b@example.com"], in: queue)
        queue.out = 1
        queue.settle(message, Self.outcome([("a@example.com", .delivered), ("b@example.com", .delivered)]))
        #expect(queue.out == 0 && queue.heap.isEmpty && queue.delivered == 2)
        #expect(bench.services.resident.bytes == -8, "its content is given back")
        #expect(bench.value("total_messages_delivered") == 2)
    }

    /// Seconds until the remembered answer ends, the age of a message that lives an hour, and how long it waits.
    @Test(arguments: [(120, 0, 120), (0, 0, 1), (-5, 0, 1), (7200, 0, 3600), (7200, 3500, 100)] as [(Int64, Int64, Int64)])
    func whatIsPostponedSpendsNoAttempt(_ end: Int64, _ age: Int64, _ wait: Int64) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let config = try QueueConfig(["max_age": .integer(3600)])
        queue.setup = QueueSetup(config: config, poolName: "unspecified", sources: [], refreshAt: .distantFuture, limiter: nil)
        let message = bench.message(["a@example.com"], in: queue, age: .seconds(age))
        queue.out = 1
        queue.settle(message, .postponed(Reply(400, "gone"), until: bench.clocks.steady + .seconds(end)))
        let entry = try #require(queue.heap.first)
        #expect(entry.attempts == 0 && queue.out == 0)
        let due = entry.due - bench.clocks.steady
        #expect(due > .seconds(wait) - .milliseconds(5) && due <= .seconds(wait))
        #expect(queue.lastReply?.contains("400 gone (remembered") == true)
    }

    @Test func bouncedRecipientsAreFinal() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com", "b@example.com"], in: queue)
        queue.out = 1
        queue.settle(message, Self.outcome([("a@example.com", .delivered), ("b@example.com", .bounced)]))
        #expect(queue.heap.isEmpty)
        #expect(queue.lastReply == "550 reply for b@example.com")
        #expect(bench.value("total_messages_fail") == 1)
    }

    @Test func onlyTheFailedAreRetriedWithADelay() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = try bench.storedMessage(["a@example.com", "b@example.com", "c@example.com"], in: queue)
        queue.out = 1
        queue.settle(
            message,
            Self.outcome([("a@example.com", .delivered), ("b@example.com", .transient), ("c@example.com", .bounced)]))
        #expect(try bench.storedRecipients(of: message) == ["b@example.com"])
        let entry = try #require(queue.heap.first)
        // No policy: 20 minutes, give or take half a minute.
        let delay = Double(entry.due.nanoseconds(since: .now())) / 1e9
        #expect((1165...1235).contains(delay))
        #expect(queue.residents.isEmpty, "a deferred message gives its content back")
        #expect(bench.services.resident.bytes <= 0)
    }

    @Test func thoseNotAttemptedGoOnAtOnce() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com", "b@example.com"], in: queue)
        queue.out = 1
        queue.settle(message, Self.outcome([("a@example.com", .delivered)]))
        #expect(queue.residents[7]?.recipients.map(\.text) == ["b@example.com"])
        let entry = try #require(queue.heap.first)
        #expect(entry.due <= .now())
    }

    @Test func anUntouchedMessageKeepsItsAttempts() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com"], in: queue)
        queue.out = 1
        queue.settle(message, .untouched)
        #expect(queue.heap.first?.attempts == 0 && queue.heap.count == 1)
    }

    @Test func outOfTimeExpires() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com", "b@example.com"], in: queue, age: .seconds(8 * 86_400))
        queue.out = 1
        queue.settle(message, .outOfTime)
        #expect(queue.heap.isEmpty)
        #expect(bench.value("total_messages_expired") == 2)
    }

    @Test func aDelayBeyondTheAgeExpires() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com"], in: queue, age: .seconds(7 * 86_400 - 60))
        queue.out = 1
        queue.settle(message, Self.outcome([("a@example.com", .transient)]))
        #expect(queue.heap.isEmpty)
        #expect(bench.value("total_messages_expired") == 1)
        #expect(bench.value("total_messages_transfail") == 1)
    }

    /// An attempt in which the first of two recipients has been delivered.
    private func halfDelivered(_ message: QueuedMessage, expiry: MonotonicInstant = .distantFuture) -> Attempt {
        var attempt = Attempt(message, expiry: expiry)
        let result = TransactionResult(
            perRecipient: [RecipientOutcome(raw: RawReply(local: 250, "2.0.0", "ok"), command: .dot, origin: .peer)], sessionUsable: true)
        let first = Array(message.recipients.prefix(1))
        #expect(attempt.note(first, result, isLateStart: false, isFenced: false, hasNextHost: false) == .sameSession)
        return attempt
    }

    /// A batch was delivered over a connection that is gone; the next connection fails. The delivered must stay delivered.
    @Test func aFailedConnectionDoesNotUndoABatch() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = try bench.storedMessage(["a@example.com", "b@example.com"], in: queue)
        let path = Bench.deadPath()
        #expect(path.reserve(isFresh: false, bench.services.control))
        queue.out = 1
        bench.services.post(path, .offer(halfDelivered(message)))
        bench.loop.run()
        #expect(queue.out == 0)
        #expect(queue.delivered == 1, "the first recipient was delivered")
        #expect(try bench.storedRecipients(of: message) == ["b@example.com"], "only the second is retried")
    }

    /// The same, when the node stops between two batches.
    @Test func aStopDoesNotUndoABatch() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = try bench.storedMessage(["a@example.com", "b@example.com"], in: queue)
        let path = Bench.deadPath()
        #expect(path.reserve(isFresh: false, bench.services.control))
        queue.out = 1
        bench.services.state.phase = .stopping
        bench.services.post(path, .offer(halfDelivered(message)))
        bench.services.post(path, .stop)
        bench.loop.run()
        #expect(queue.delivered == 1, "the first recipient was delivered")
        #expect(try bench.storedRecipients(of: message) == ["b@example.com"])
    }

    /// The same, when the message runs out of time between two batches.
    @Test func expiryDoesNotUndoABatch() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com", "b@example.com"], in: queue, age: .seconds(8 * 86_400))
        queue.out = 1
        queue.settle(message, halfDelivered(message).end(.outOfTime))
        #expect(queue.delivered == 1)
        #expect(bench.value("total_messages_expired") == 1)
    }

    /// The same recipient twice, and the session broke after the first of them: nobody is left.
    @Test func aRecipientNamedTwiceDoesNotLeaveAnEmptyMessage() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let message = bench.message(["a@example.com", "a@example.com"], in: queue)
        queue.out = 1
        queue.settle(message, Self.outcome([("a@example.com", .delivered)]))
        do { #expect(queue.heap.isEmpty) }
    }
}

@Suite struct AttemptOutcomeTests {
    @Test func localRepliesKeepThePrefixOfBounceRules() {
        #expect(Reply.local(451, (4, 4, 4), "why").oneLine == "451 4.4.4 KumoMTA internal: why")
    }

    @Test(arguments: [
        (RouteFailure.nullMX, AttemptOutcome.Fate.bounced, "556 5.1.10 Recipient address has a null MX"),
        (.noSuchDomain("gone"), .transient, "451 4.4.4 KumoMTA internal: failed to resolve queue q: gone"),
        (.temporary("slow"), .transient, "451 4.4.4 KumoMTA internal: failed to resolve queue q: slow"),
        (.invalidDomain("odd"), .bounced, "550 5.1.2 KumoMTA internal: failed to resolve queue q: odd"),
    ]) func routeFailures(_ failure: RouteFailure, _ fate: AttemptOutcome.Fate, _ text: String) {
        let outcome = failure.outcome(queue: "q")
        #expect(outcome.fate == fate)
        #expect(outcome.reply.oneLine == text)
    }

    @Test(
        arguments: [
            (QueueBlock.none, nil), (.suspended("r (by i)"), "suspended: r (by i)"),
            (.pathSuspended(path: "p", rule: "r"), "egress path p is suspended: r"), (.policy("x"), "policy: x"),
            (.resolving(domain: "d"), "resolving d"),
            (.route("r", until: nil), "no route: r"),
            (.route("r", until: .distantPast), "no route: r; what is due waits until the DNS may have another answer, now"),
            (.readyQueueFull(path: "p"), "ready queue p is full: because"),
            (.messageRate(limit: "1/s", until: .distantPast), "max_message_rate 1/s of this queue; the next may go now"),
            (.noSource(pool: "p"), "egress pool p has no source with a weight above 0"),
        ] as [(QueueBlock, String?)]) func blocksSayWhy(_ block: QueueBlock, _ text: String?)
    {
        #expect(block.text(path: "because") == text)
    }

    @Test func pathBlocksSayWhy() {
        #expect(PathBlock.none.text() == nil)
        #expect(PathBlock.connectionLimit(3).text() == "connection_limit 3; the next message goes when one of the connections is free")
        #expect(PathBlock.messageRate("max_message_rate 1/s", until: .distantPast).text() == "max_message_rate 1/s; the next may go now")
    }
}
