import Message
import NIOCore
import Platform
import SMTP
import Shaping
import Spool
import TestSupport
import Testing

@testable import Delivery

/// One attempt as its owner drives it: what is sent next, what a result means, and what comes out at the end.
@Suite struct AttemptTests {
    private static let queue: QueueGate = {
        guard let parsed = try? QueueName(parsing: "example.com") else { preconditionFailure("a plain domain is a queue name") }
        return QueueGate(name: "example.com", parsed: parsed, shard: 0)
    }()

    static func attempt(_ recipients: [String], rate: QueueRate? = nil, headers: String = "A: b\r\n\r\n") -> Attempt {
        let envelope = MessageEnvelope(
            id: MessageID(high: 1, low: 2), handle: SpoolHandle(raw: 7), sender: .null, created: 0, received: .now(), expires: 0, size: 8)
        let content = MessageContent(
            headers: ByteBuffer(string: headers), body: .inline(ByteBuffer(string: "hello\r\n")), bodyLength: 7, is8bit: false)
        return Attempt(
            QueuedMessage(
                envelope, recipients: recipients.map { EnvelopeAddress(stored: $0) }, meta: [], content: content, queue: queue),
            rate: rate)
    }

    /// What a server says of one recipient, in the words of the tables below.
    static func outcome(_ word: String, followsAccepted: Bool) -> RecipientOutcome {
        switch word {
        case "ok": RecipientOutcome(raw: RawReply(local: 250, "2.0.0", "ok"), command: .dot, origin: .peer)
        case "later": RecipientOutcome(raw: RawReply(local: 450, "4.2.1", "later"), command: .rcpt, origin: .peer)
        case "no": RecipientOutcome(raw: RawReply(local: 550, "5.1.1", "no"), command: .rcpt, origin: .peer)
        case "full":
            RecipientOutcome(
                raw: RawReply(local: 452, "4.5.3", "too many"), command: .rcpt, origin: .peer, followsAccepted: followsAccepted)
        case "cut":
            RecipientOutcome(raw: RawReply(local: 400, "4.4.2", "cut"), command: .mail, origin: .transport(ambiguous: false))
        default:
            RecipientOutcome(raw: RawReply(local: 400, "4.4.2", "cut"), command: .dot, origin: .transport(ambiguous: true))
        }
    }

    static func result(_ words: [String], interruption: TransactionResult.Interruption = .none) -> TransactionResult {
        var isAccepted = false
        let outcomes = words.map { word in
            defer { isAccepted = isAccepted || word == "ok" }
            return outcome(word, followsAccepted: isAccepted)
        }
        return TransactionResult(
            perRecipient: outcomes, sessionUsable: !words.contains { $0 == "cut" || $0 == "lost" }, interruption: interruption)
    }

    private func next(_ attempt: Attempt, limit: Int = 100, offersUTF8: Bool = false) -> [String] {
        attempt.transaction(recipients: limit, offersUTF8: offersUTF8) { _, _ in }?.recipients.map(\.text) ?? []
    }

    private func note(
        _ attempt: inout Attempt, _ recipients: [String], _ words: [String], isLateStart: Bool = false, isFenced: Bool = false,
        hasNextHost: Bool = false, interruption: TransactionResult.Interruption = .none
    ) -> Attempt.Step {
        attempt.note(
            recipients.map { EnvelopeAddress(stored: $0) }, Self.result(words, interruption: interruption), isLateStart: isLateStart,
            isFenced: isFenced, hasNextHost: hasNextHost)
    }

    private func fates(_ outcome: AttemptOutcome) -> [String] {
        outcome.recipients.map { "\($0.address.text) \($0.fate)" }
    }

    // MARK: Transactions

    @Test func recipientsGoInBatches() {
        var attempt = Self.attempt(["a@x.test", "b@x.test", "c@x.test"])
        #expect(next(attempt, limit: 2) == ["a@x.test", "b@x.test"])
        #expect(note(&attempt, ["a@x.test", "b@x.test"], ["ok", "later"]) == .sameSession)
        #expect(next(attempt, limit: 2) == ["c@x.test"])
        #expect(note(&attempt, ["c@x.test"], ["no"]) == .ended)
        #expect(
            fates(attempt.end(AttemptOutcome(recipients: [], consumesAttempt: true))) == [
                "a@x.test delivered", "b@x.test transient", "c@x.test bounced",
            ])
    }

    /// RFC 5321 4.5.3.1.10: those a server has no room for go on at once, and did not fail.
    @Test func recipientsTheServerHasNoRoomForAreNext() {
        var attempt = Self.attempt(["a@x.test", "b@x.test", "c@x.test"])
        #expect(note(&attempt, ["a@x.test", "b@x.test", "c@x.test"], ["ok", "full", "no"]) == .sameSession)
        #expect(attempt.message.recipients.map(\.text) == ["a@x.test", "c@x.test", "b@x.test"])
        #expect(next(attempt) == ["b@x.test"])
        #expect(note(&attempt, ["b@x.test"], ["ok"]) == .ended)
    }

    /// When nobody was accepted, "too many recipients" is an answer like any other.
    @Test func roomForNobodyIsAFailure() {
        var attempt = Self.attempt(["a@x.test"])
        #expect(note(&attempt, ["a@x.test"], ["full"]) == .ended)
        #expect(fates(attempt.end(AttemptOutcome(recipients: [], consumesAttempt: true))) == ["a@x.test transient"])
    }

    @Test func addressesInUTF8GoApartWhereTheServerCannotHaveThem() {
        let attempt = Self.attempt(["a@x.test", "ü@x.test", "b@x.test"])
        #expect(next(attempt, offersUTF8: true) == ["a@x.test", "ü@x.test", "b@x.test"])
        #expect(next(attempt, offersUTF8: false) == ["a@x.test"])
        #expect(next(Self.attempt(["ü@x.test", "ö@x.test", "b@x.test"])) == ["ü@x.test", "ö@x.test"])
        // Headers in UTF-8 need it for everybody.
        let whole = Self.attempt(["a@x.test", "ü@x.test"], headers: "Subject: ü\r\n\r\n").transaction(recipients: 9, offersUTF8: false) {
            _, _ in
        }
        #expect(whole?.needsUTF8 == true && whole?.recipients.count == 2)
    }

    // MARK: Broken sessions

    @Test func aSessionThatBreaksBetweenMessagesChargesNobody() {
        var attempt = Self.attempt(["a@x.test"])
        #expect(note(&attempt, ["a@x.test"], ["cut"], interruption: .between) == .newConnection)
        #expect(note(&attempt, ["a@x.test"], ["cut"], isLateStart: true, interruption: .atFirst) == .newConnection)
        #expect(note(&attempt, ["a@x.test"], ["cut"], interruption: .atFirst) == .ended, "a new session that does not like it")
    }

    @Test func whatWeBrokeOffIsNoAttempt() {
        var attempt = Self.attempt(["a@x.test"])
        #expect(note(&attempt, ["a@x.test"], ["cut"], isFenced: true) == .unattempted)
        #expect(note(&attempt, ["a@x.test"], ["lost"], isFenced: true) == .ended, "the content was sent: a repeat may duplicate")
        #expect(note(&attempt, ["a@x.test"], ["ok"], isFenced: true) == .ended)
    }

    @Test func theNextHostIsTriedFourTimes() {
        var attempt = Self.attempt(["a@x.test"])
        for _ in 0..<4 { #expect(note(&attempt, ["a@x.test"], ["cut"], hasNextHost: true) == .nextHost) }
        #expect(note(&attempt, ["a@x.test"], ["cut"], hasNextHost: true) == .ended)
        var ambiguous = Self.attempt(["a@x.test"])
        #expect(note(&ambiguous, ["a@x.test"], ["lost"], hasNextHost: true) == .ended)
    }

    // MARK: The end

    /// Whatever ends an attempt, what its transactions decided holds.
    @Test(
        arguments: [
            ("untouched", ["a@x.test delivered"]), ("outOfTime", ["a@x.test delivered"]),
            ("everyone", ["a@x.test delivered", "b@x.test transient"]), ("postponed", ["a@x.test delivered"]),
        ] as [(String, [String])])
    func whatIsDecidedHolds(_ how: String, _ expected: [String]) {
        var attempt = Self.attempt(["a@x.test", "b@x.test"])
        #expect(note(&attempt, ["a@x.test"], ["ok"]) == .sameSession)
        let reply = Reply(450, "later")
        let outcome: AttemptOutcome =
            switch how {
            case "untouched": .untouched
            case "outOfTime": .outOfTime
            case "everyone": .everyone(attempt.message, .transient, reply)
            default: .postponed(reply, until: .distantFuture)
            }
        let merged = attempt.end(outcome)
        #expect(fates(merged) == expected && merged.consumesAttempt)
    }

    @Test func nothingDecidedChangesNothing() {
        let attempt = Self.attempt(["a@x.test"])
        let outcome = attempt.end(.untouched)
        #expect(outcome.recipients.isEmpty && !outcome.consumesAttempt)
    }

    /// However a server answers, no recipient is lost and none is decided twice.
    @Test(arguments: 0..<200) func noRecipientIsLostOrDecidedTwice(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let all = (0..<Int.random(in: 1...12, using: &random)).map { "r\($0)@x.test" }
        var attempt = Self.attempt(all)
        var decided: [String] = []
        for _ in 0..<100 {
            let batch = next(attempt, limit: Int.random(in: 1...5, using: &random))
            guard !batch.isEmpty else { break }
            #expect(Set(batch).isDisjoint(with: decided), "seed \(seed)")
            let words = batch.map { _ in ["ok", "ok", "later", "no", "full"].randomElement(using: &random) ?? "ok" }
            let isLate = Int.random(in: 0..<10, using: &random) == 0
            let step = note(
                &attempt, batch, isLate ? batch.map { _ in "cut" } : words, hasNextHost: Bool.random(using: &random),
                interruption: isLate ? .between : .none)
            decided = attempt.end(AttemptOutcome(recipients: [], consumesAttempt: true)).recipients.map(\.address.text)
            #expect(Set(decided).count == decided.count, "seed \(seed)")
            #expect(
                Set(attempt.message.recipients.map(\.text)) == Set(all) && attempt.message.recipients.count == all.count, "seed \(seed)")
            if step == .ended { break }
        }
        #expect(next(attempt).isEmpty == (decided.count == all.count), "seed \(seed)")
    }

    // MARK: The rate of the queue

    private func rate(_ text: String) throws -> QueueRate {
        QueueRate(
            limiter: RateLimiter(key: LimitKey(name: "q"), spec: try ThrottleSpec(parsing: text), root: InProcessLimitRoot()),
            gate: RateGate())
    }

    @Test func aMessageIsCountedOnce() throws {
        let rate = try rate("1/h")
        #expect(rate.gate.admit(now: 0) == .go)
        var first = Self.attempt(["a@x.test", "b@x.test"], rate: rate)
        #expect(first.isRated)
        var answers = [first.takeRate(now: 0)]
        // Its second transaction is no second message.
        #expect(note(&first, ["a@x.test"], ["ok"]) == .sameSession)
        answers.append(first.takeRate(now: 0))
        let wakes = first.endRate()
        #expect(!wakes, "nobody waits")
        #expect(rate.gate.admit(now: 0) == .go)
        var second = Self.attempt(["c@x.test"], rate: rate)
        answers.append(second.takeRate(now: 0))
        #expect(answers == [.granted, .granted, .refused])
        #expect(!second.isRated, "it goes back to its queue")
    }

    @Test func whatIsNotSentGivesItsPermitBack() throws {
        let rate = try rate("1/h")
        #expect(rate.gate.admit(now: 0) == .go)
        var first = Self.attempt(["a@x.test"], rate: rate)
        var answers = [first.takeRate(now: 0)]
        first.giveRate(now: 0)
        answers.append(first.takeRate(now: 0))
        #expect(answers == [.granted, .granted], "it was given back in between")
        first.returnRate()
        // It is under way again, and counts among those that are let out before one is granted.
        var others = 0
        while others < 10, rate.gate.admit(now: 0) == .go { others += 1 }
        #expect(others == 1)
        let wakes = first.endRate()
        #expect(wakes, "the queue waits for it")
    }
}
