import Message
import NIOCore
import Platform
import Resources
import SMTP
import Shaping
import Spool
import Telemetry

// What happens to a message after an attempt. Runs on the queue's loop, whatever loop made the attempt.
extension ScheduledQueue {
    /// Takes a message back with the outcome of its attempt.
    func settle(_ settled: QueuedMessage, _ outcome: AttemptOutcome) {
        loop.assertInEventLoop()
        out -= 1
        defer { finishRebinds() }
        var message = settled
        guard outcome.consumesAttempt else {
            let due = dueAgain(&message, outcome)
            stay(message, due: due)
            return pump()
        }
        if !outcome.recipients.isEmpty { message.attempts += 1 }
        message.idleReturns = 0
        var remaining: [EnvelopeAddress] = []
        let metrics = services.metrics
        for recipient in outcome.recipients {
            switch recipient.fate {
            case .delivered:
                delivered += 1
                metrics.delivered(provider: outcome.provider ?? setup?.config.providerName)
                log(.delivery, message, recipient, outcome)
            case .bounced:
                lastReply = recipient.reply.oneLine.excerpt(Self.replyExcerpt)
                metrics.failed(provider: outcome.provider ?? setup?.config.providerName)
                log(.bounce, message, recipient, outcome)
            case .transient:
                remaining.append(recipient.address)
            }
        }
        if outcome.isAmbiguous { metrics.ambiguous.add(1) }
        let attempted = Set(outcome.recipients.map(\.address))
        let untouched = message.recipients.filter { !attempted.contains($0) }
        guard !remaining.isEmpty || !untouched.isEmpty else {
            metrics.timeInQueue(provider: outcome.provider ?? setup?.config.providerName, services.clocks.now - message.received)
            finish(message)
            return
        }
        retry(message, outcome, failed: remaining, untouched: untouched)
    }

    /// When a message is due that comes back without an attempt.
    private func dueAgain(_ message: inout QueuedMessage, _ outcome: AttemptOutcome) -> MonotonicInstant {
        let now = services.clocks.now
        guard let (reply, until) = outcome.postponed else { return now + message.nextIdlePause() }
        let text = reply.oneLine.excerpt(Self.replyExcerpt)
        lastReply = "\(text) (remembered; the DNS is asked again \(services.clocks.moment(until)), and no attempt is spent until then)"
        return min(max(until, now + Self.shortestPostponement), max(expiry(of: message.envelope), now))
    }

    /// However soon an answer ends, it is not asked for more often than this.
    private static let shortestPostponement = Duration.seconds(1)

    private func retry(
        _ attempted: QueuedMessage, _ outcome: AttemptOutcome, failed: [EnvelopeAddress], untouched: [EnvelopeAddress]
    ) {
        var message = attempted
        let clocks = services.clocks
        let schedule = setup?.schedule ?? RetrySchedule(interval: .seconds(1200), cap: nil)
        // Recipients the peer had no room for go on at once; they did not fail.
        let delay =
            failed.isEmpty
            ? .zero : schedule.delay(attempt: message.attempts - 1, jitter: Double.random(in: 0..<1))
        let due = clocks.now + delay
        let limit = expiry(of: message.envelope)
        for recipient in outcome.recipients where recipient.fate == .transient {
            lastReply = recipient.reply.oneLine.excerpt(Self.replyExcerpt)
            services.metrics.transient(provider: outcome.provider ?? setup?.config.providerName)
            log(.transientFailure, message, recipient, outcome)
        }
        guard due <= limit else {
            message.recipients = failed + untouched
            expire(message, reply: .expiring(next: clocks.text(of: due), limit: clocks.text(of: limit)))
            return
        }
        let changed = message.recipients.count != failed.count + untouched.count
        message.recipients = untouched + failed
        message.lastReply = outcome.recipients.last { $0.fate == .transient }?.reply.oneLine.excerpt(Self.replyExcerpt) ?? ""
        message.hasStoredRecipients = message.hasStoredRecipients || changed
        services.spool.update(
            message.handle, attempts: message.attempts, due: clocks.wallTime(of: due).unixNanoseconds, lastReply: message.lastReply,
            meta: changed ? message.meta + [StoredRecipients.entry(message.recipients)] : nil)
        // The spool learns of the change with its next commit. A message that is due before that, or a spool that cannot write, must not
        // bring the recipients back that are done.
        message.isReduced = message.isReduced || (changed && (delay == .zero || services.spool.health != .ok))
        if delay > .zero, !message.isReduced { release(&message) }
        stay(message, due: due)
        pump()
    }

    /// Bytes of a reply that are shown and kept in the spool; a server may send a hundred lines.
    private static let replyExcerpt = 2048

    /// Ends a message whose time is over: one Expiration record per recipient.
    func expire(_ message: QueuedMessage, reply: Reply) {
        for address in message.recipients {
            services.metrics.expired.add(1)
            services.metrics.failed(provider: setup?.config.providerName)
            let recipient = AttemptOutcome.Recipient(address: address, fate: .bounced, reply: reply)
            log(.expiration, message, recipient, AttemptOutcome(recipients: [], consumesAttempt: false))
        }
        finish(message)
    }

    /// The spool forgets the message.
    func finish(_ message: QueuedMessage) {
        services.spool.done(message.handle)
        forgetContent(of: message)
        services.metrics.messageCount.add(-1)
        if heap.isEmpty { becameIdle() }
    }

    private func log(
        _ type: LogRecordType, _ message: QueuedMessage, _ recipient: AttemptOutcome.Recipient, _ outcome: AttemptOutcome
    ) {
        if services.logs.wants(type) {
            services.logs.submit(services.logs.record(type, message, recipient, outcome, pool: setup?.poolName))
        }
        ground.events?.submit(type, message, recipient, outcome)
    }

    /// A commit that takes longer makes the time of reception inexact by a second.
    private static let slowestCommit = Duration.seconds(10)

    /// Makes a message object of what the spool kept.
    func restore(_ stored: SpoolMessage, _ entry: DueEntry) -> QueuedMessage {
        let envelope = stored.envelope
        let (meta, remaining) = StoredRecipients.split(envelope.meta)
        let recipients = (remaining ?? envelope.recipients).map { EnvelopeAddress(stored: $0) }
        let content = MessageContent(
            headers: stored.headers, body: stored.body, bodyLength: stored.bodyLength,
            is8bit: stored.headers.has8bit || stored.body.has8bit)
        services.resident.add(content.residentBytes)
        // The entry knows the second, rounded up, in which the message was in the spool; when it came is on disk, unless the wall clock was
        // set since.
        let exact = services.clocks.instant(ofPast: WallInstant(unixNanoseconds: envelope.created))
        let earlier = entry.received.nanoseconds(since: exact)
        let isExact = earlier >= 0 && earlier <= (DueEntry.precision + Self.slowestCommit).wholeNanoseconds
        var message = QueuedMessage(
            MessageEnvelope(
                id: stored.id, handle: stored.handle, sender: EnvelopeAddress(stored: envelope.sender), created: envelope.created,
                received: isExact ? exact : entry.received, expires: envelope.expires,
                size: stored.headers.readableBytes + stored.bodyLength),
            recipients: recipients, meta: meta, attempts: envelope.attempts, content: content, queue: gate)
        message.hasStoredRecipients = remaining != nil
        if !origins.isEmpty { message.origin = origins[envelope.queue] }
        message.lastReply = envelope.lastReply
        return message
    }
}

extension Reply {
    /// The text of an Expiration record when the next attempt would come too late.
    static func expiring(next: String, limit: String) -> Reply {
        Reply(
            code: 551, enhanced: EnhancedStatus(5, 4, 7),
            lines: [
                "Next delivery time would be \(next) which exceeds max_age (\(limit))"
            ])
    }

    /// The text of an Expiration record when the message ran out of time while it waited.
    static func expired(age: Duration) -> Reply {
        Reply(
            code: 551, enhanced: EnhancedStatus(5, 4, 7),
            lines: ["Delivery time exceeded: the message waited longer than max_age=\(age.components.seconds)s"])
    }
}
