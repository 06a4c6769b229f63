import Message
import NIOCore
package import Platform
package import SMTP
import Shaping
import Spool

/// *State machine*: one attempt to deliver a message, from the moment its queue hands it out until it comes back with an outcome.
///
/// It has one owner at a time: the ready queue, or the connection that sends it. It knows which recipients are decided, what may be tried
/// next, and whether the queue's rate has counted the message. All outcomes are merged in `end`.
package struct Attempt: Sendable {
    /// What is to be delivered; its recipients in the order in which they are tried.
    package private(set) var message: QueuedMessage
    /// When the message has outlived its queue's `max_age`; `.distantFuture` when that is not known.
    let expiry: MonotonicInstant
    /// The rate of its queue; nil without one.
    private var rate: QueueRate?
    /// What is decided so far, when the recipients need several transactions: the first of `message.recipients`.
    private var results: [AttemptOutcome.Recipient] = []
    /// How often it went on to the next host of the same connection (`try_next_host_on_transport_error`).
    private var nextHostTries = 0

    private static let nextHostLimit = 4

    /// - Parameters:
    ///   - expiry: when the message has outlived its queue's `max_age`.
    ///   - rate: the rate of its queue, if it has one.
    package init(_ message: QueuedMessage, expiry: MonotonicInstant = .distantFuture, rate: QueueRate? = nil) {
        self.message = message
        self.expiry = expiry
        self.rate = rate
    }

    /// Whether the message has outlived its queue's `max_age`.
    func hasExpired(at now: MonotonicInstant) -> Bool { now > expiry }
    /// Whether the rate of its queue counts the message.
    var isRated: Bool { rate != nil }

    // MARK: Transactions

    /// The next transaction; nil when there is nothing that could be sent.
    /// - Parameters:
    ///   - limit: the most recipients of one transaction.
    ///   - offersUTF8: whether the server takes addresses in UTF-8 (RFC 6531).
    ///   - pull: reads a body that is not in memory.
    func transaction(
        recipients limit: Int, offersUTF8: Bool,
        pull: @escaping @Sendable (Int, @escaping @Sendable (Result<ByteBuffer, any Error>) -> Void) -> Void
    ) -> ClientTransaction? {
        var batch = message.recipients.dropFirst(results.count).prefix(limit)
        guard let content = message.content, let first = batch.first else { return nil }
        var needsUTF8 = content.headersNeedUTF8 || message.sender.needsSMTPUTF8
        if !needsUTF8, batch.contains(where: { $0.needsSMTPUTF8 }) {
            needsUTF8 = true
            // Where the server cannot have them, addresses in UTF-8 must not take the others along.
            if !offersUTF8 {
                needsUTF8 = first.needsSMTPUTF8
                batch = batch.prefix { $0.needsSMTPUTF8 == needsUTF8 }
            }
        }
        let body: ClientBody
        switch content.body {
        case .inline(let buffer), .inlineShared(_, let buffer): body = .inline(buffer)
        case .shared: body = .streamed(length: content.bodyLength, pull: pull)
        }
        return ClientTransaction(
            sender: message.sender, recipients: Array(batch), headers: content.headers, body: body, needs8Bit: content.is8bit,
            needsUTF8: needsUTF8)
    }

    /// *Value*: what follows a transaction.
    enum Step: Equatable {
        /// The session broke between messages, and this one had only the bad luck to be next: it goes out over a new connection, where it is
        /// the first and would be charged. So no host is dialled twice for a message without anything having come of it.
        case newConnection
        /// The next host of the same connection may do better.
        case nextHost
        /// The transaction was broken off here: nothing was attempted.
        case unattempted
        /// Other recipients are still to be tried over the same session.
        case sameSession
        /// All is decided.
        case ended
    }

    /// Takes the result of a transaction for the next recipients.
    /// - Parameters:
    ///   - isLateStart: the session had been idle since it was opened, and may have been closed unseen.
    ///   - isFenced: we broke the connection off, because the lease of its permit had ended.
    ///   - hasNextHost: another host of the same connection may be tried.
    mutating func note(
        _ recipients: [EnvelopeAddress], _ result: TransactionResult, isLateStart: Bool, isFenced: Bool, hasNextHost: Bool
    ) -> Step {
        if result.interruption == .between || (result.interruption == .atFirst && isLateStart) { return .newConnection }
        if isFenced, result.isTransportFailure { return .unattempted }
        if hasNextHost, result.isTransportFailure, nextHostTries < Self.nextHostLimit {
            nextHostTries += 1
            return .nextHost
        }
        let accepted = result.perRecipient.contains { $0.disposition == .delivered }
        var isResending = false
        for (address, recipient) in zip(recipients, result.perRecipient) {
            if accepted, recipient.isTooManyRecipients, result.sessionUsable {
                isResending = true
                continue
            }
            results.append(
                AttemptOutcome.Recipient(
                    address: address, fate: .init(recipient.disposition), reply: recipient.reply, command: "\(recipient.command)"))
        }
        if isResending { moveDecidedFirst() }
        return results.count < message.recipients.count && result.sessionUsable ? .sameSession : .ended
    }

    /// Orders the recipients so that those with a result come first, as `results` counts them.
    private mutating func moveDecidedFirst() {
        let decided = results.map(\.address)
        let done = Set(decided)
        message.recipients = decided + message.recipients.filter { !done.contains($0) }
    }

    /// Ends the attempt: what its transactions have decided still holds, whatever `outcome` says of everybody.
    func end(_ outcome: consuming AttemptOutcome) -> AttemptOutcome {
        guard !results.isEmpty else { return outcome }
        if outcome.recipients.isEmpty {
            outcome.recipients = results
        } else {
            let decided = Set(results.map(\.address))
            outcome.recipients = results + outcome.recipients.filter { !decided.contains($0.address) }
        }
        outcome.consumesAttempt = true
        return outcome
    }

    // MARK: The rate of the queue

    /// *Value*: whether the rate of the queue lets the message go.
    enum RateAnswer {
        case granted
        /// Granted, and others of the queue may follow: it waits for that.
        case grantedAndAwaited
        /// The message has to go back to its queue, which sends it again when its rate allows.
        case refused
    }

    /// Takes a slot of the queue's rate, if it has one; where MAIL is written, not where the message left its queue. Connections are opened
    /// in between, and what was taken long ago would meet the messages of the next period at the peer.
    mutating func takeRate(now: Int64) -> RateAnswer {
        // Further transactions of a message that was counted are no further messages.
        guard rate != nil, results.isEmpty, rate?.isTaken == false else { return .granted }
        switch rate?.limiter.take(1, now: now) {
        case .wait(let until)?:
            rate?.gate.refused(until: until)
            rate = nil
            return .refused
        case .granted?, nil:
            rate?.isTaken = true
            return rate?.gate.granted() == true ? .grantedAndAwaited : .granted
        }
    }

    /// Puts back what `takeRate` has just taken: the message is not sent now.
    mutating func giveRate(now: Int64) {
        guard rate?.isTaken == true, results.isEmpty else { return }
        rate?.limiter.give(1, now: now)
        returnRate()
    }

    /// The message will be sent again, and counts again.
    mutating func returnRate() {
        guard rate?.isTaken == true, results.isEmpty else { return }
        rate?.isTaken = false
        rate?.gate.takeBack()
    }

    /// The message goes back to its queue.
    /// - Returns: whether others of the queue may follow now, and the queue waits for that.
    mutating func endRate() -> Bool {
        defer { rate = nil }
        guard let rate, !rate.isTaken else { return false }
        return rate.gate.returned()
    }
}

extension TransactionResult {
    /// The connection broke, and nobody can have got the message.
    fileprivate var isTransportFailure: Bool {
        !sessionUsable && perRecipient.allSatisfy { $0.origin == .transport(ambiguous: false) }
    }
}

extension AttemptOutcome.Fate {
    /// What the server's verdict means for the recipient.
    package init(_ disposition: RecipientOutcome.Disposition) {
        switch disposition {
        case .delivered: self = .delivered
        case .transient: self = .transient
        case .permanent: self = .bounced
        }
    }
}
