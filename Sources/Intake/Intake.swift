package import Delivery
import Message
import NIOCore
import Options
import Platform
import Policy
import Resources
package import SMTP
import Shaping
package import Spool
import TLS
package import Telemetry

/// *Value*: the way of a received message from the policy to its queue: hook, append, commit, enqueue. Runs on one shard.
///
/// Nothing is acknowledged before the commit that holds it is on disk (or at the level the listener asked for).
package struct Intake {
    /// The shard it runs on.
    package let ground: ShardGround
    /// The event that may still change or refuse each message.
    let hook: PolicyEvent
    /// Counts what is accepted.
    package let service: Counter
    let receptionProtocol: String
    /// Who sends, for records.
    package let peer: LogRecord.Peer?
    /// What 250 promises.
    package let durability: Durability
    /// How the client's session is encrypted, for records.
    var tls: TLSFacts?

    /// *Value*: what became of a batch.
    struct Outcome {
        /// The messages that were made.
        package var accepted: [MessageID] = []
        /// Per refused message, by its place in the batch.
        package var refused: [(index: Int, reply: Reply)] = []
        /// The refusal asks for the session to be closed.
        var disconnects = false
    }

    /// Why nothing can be taken now; `nil` when all is well. Cheap enough for every transaction.
    package static func refusal(_ services: DeliveryServices) -> Reply? {
        switch services.spool.health {
        case .ok: break
        case .full(let reason): return Self.full(reason)
        case .missing:
            return Reply(code: 451, enhanced: EnhancedStatus(4, 3, 0), lines: ["the spool directory is not where it was"])
        case .fenced: return Reply(code: 451, enhanced: EnhancedStatus(4, 3, 0), lines: ["the spool cannot be written"])
        }
        if let reason = services.logs.refusal { return Reply(code: 452, enhanced: EnhancedStatus(4, 3, 1), lines: [reason]) }
        if services.resident.isExhausted {
            return Reply(
                code: 452, enhanced: EnhancedStatus(4, 3, 1),
                lines: [
                    "load shedding: \(services.resident.bytes) bytes of messages in memory, \(services.resident.limit) are meant. Try later"
                ])
        }
        return nil
    }

    /// `reason` says what is short, and how much of it there is.
    private static func full(_ reason: String) -> Reply {
        Reply(code: 452, enhanced: EnhancedStatus(4, 3, 1), lines: ["disk is too full: \(reason)"])
    }

    /// Takes a batch of messages that came together. `completion` runs on the shard's loop, maybe at once.
    func take(_ messages: [ReceivedMessage], connection: (any PolicyConnection)?, completion: @escaping (Outcome) -> Void) {
        ground.loop.assertInEventLoop()
        guard let engine = ground.engine, engine.handles(hook) else {
            return append(messages, Array(messages.indices), Outcome(), completion: completion)
        }
        ask(engine, messages, 0, connection, [], Outcome(), completion: completion)
    }

    /// Runs the hook for one message after the other: policies may rely on the order.
    private func ask(
        _ engine: PolicyEngine, _ messages: [ReceivedMessage], _ start: Int, _ connection: (any PolicyConnection)?,
        _ passed: [Int], _ outcome: Outcome, completion: @escaping (Outcome) -> Void
    ) {
        var index = start
        var passed = passed
        var outcome = outcome
        while index < messages.count {
            var answer: Result<ConfigValue, PolicyError>?
            var isSuspended = false
            let current = index
            engine.call(hook, [.message(messages[current]), connection.map { .connection($0) } ?? .null]) { result in
                guard isSuspended else {
                    answer = result
                    return
                }
                var passed = passed
                var outcome = outcome
                Self.note(result, current, &passed, &outcome)
                ask(engine, messages, current + 1, connection, passed, outcome, completion: completion)
            }
            guard let answer else {
                isSuspended = true
                return
            }
            Self.note(answer, current, &passed, &outcome)
            index += 1
        }
        append(messages, passed, outcome, completion: completion)
    }

    private static func note(
        _ result: Result<ConfigValue, PolicyError>, _ index: Int, _ passed: inout [Int], _ outcome: inout Outcome
    ) {
        switch result {
        case .success: passed.append(index)
        case .failure(let error):
            let verdict = PolicyVerdict(error)
            outcome.refused.append((index, verdict.reply))
            outcome.disconnects = outcome.disconnects || verdict.disconnects
        }
    }

    private func append(
        _ messages: [ReceivedMessage], _ passed: [Int], _ outcome: Outcome, completion: @escaping (Outcome) -> Void
    ) {
        var outcome = outcome
        var kept: [(message: ReceivedMessage, queue: String, index: Int)] = []
        var drafts: [SpoolDraft] = []
        kept.reserveCapacity(passed.count)
        drafts.reserveCapacity(passed.count)
        for index in passed {
            let message = messages[index]
            guard !message.isDiscarded else {
                outcome.accepted.append(message.messageID)
                logReception(message, queue: "null")
                continue
            }
            let queue: String
            do throws(UnusableQueue) { queue = try message.queueName } catch {
                outcome.refused.append((index, Self.reply(to: error)))
                continue
            }
            kept.append((message, queue, index))
            drafts.append(
                SpoolDraft(
                    id: message.messageID,
                    envelope: SpoolEnvelope(
                        sender: message.sender.text, recipients: message.recipients.map(\.text), queue: queue,
                        created: message.created, due: message.created, attempts: 0, expires: 0, lastReply: "",
                        meta: message.storedMeta),
                    headers: message.headers, body: message.body))
        }
        guard !drafts.isEmpty else {
            // Nothing refers to a streamed body any more: the spool may forget it.
            if let index = passed.first, case .shared(let body) = messages[index].body { ground.services.spool.abandon(body: body.id) }
            return completion(outcome)
        }
        let pending = SpoolDraft.sharing(drafts)
        ground.append(pending, durability: durability) { result in
            switch result {
            case .success(let handles):
                for (index, entry) in kept.enumerated() {
                    enqueue(entry.message, queue: entry.queue, handle: handles[index], meta: pending[index].envelope.meta)
                    outcome.accepted.append(entry.message.messageID)
                    logReception(entry.message, queue: entry.queue)
                }
            case .failure(let error):
                let reply = Self.reply(to: error)
                for entry in kept { outcome.refused.append((entry.index, reply)) }
            }
            completion(outcome)
        }
    }

    private func enqueue(
        _ message: ReceivedMessage, queue name: String, handle: SpoolHandle, meta: [(key: String, value: String)]
    ) {
        service.add(1)
        let services = ground.services
        services.metrics.messageCount.add(1)
        let queue = ground.queue(named: name)
        let content = MessageContent(
            headers: message.headers, body: message.body, bodyLength: message.bodyLength, is8bit: message.is8bit)
        services.resident.add(content.residentBytes)
        let envelope = MessageEnvelope(
            id: message.messageID, handle: handle, sender: message.sender, created: message.created, received: services.clocks.now,
            expires: 0, size: message.size)
        services.post(
            queue, .accept(QueuedMessage(envelope, recipients: message.recipients, meta: meta, content: content, queue: queue)))
    }

    private func logReception(_ message: ReceivedMessage, queue: String) {
        let logs = ground.services.logs
        guard logs.wants(.reception) else { return }
        var record = logs.record(
            .reception, id: message.id, sender: message.sender.text, recipients: message.recipients.map(\.text),
            created: message.created)
        record.queue = queue
        record.size = message.size
        record.peerAddress = peer
        record.response = LogRecord.Response(code: 250)
        record.meta = message.storedMeta
        if logs.wantsHeaders { record.headers = DeliveryLogs.headers(message.headers) }
        record.receptionProtocol = receptionProtocol
        record.note(tls)
        logs.submit(record)
    }

    /// What a client hears when its message has no queue. A fault of the policy or of the listener's options, like others temporary: the
    /// client tries again when it is mended.
    private static func reply(to error: UnusableQueue) -> Reply {
        Log.error("a message is refused because its queue cannot be named", ["reason": error.description])
        return Reply(code: 451, enhanced: EnhancedStatus(4, 3, 5), lines: [error.description])
    }

    /// What a client hears when the spool refuses.
    private static func reply(to error: SpoolError) -> Reply {
        if error.code == .overloaded {
            return Reply(code: 452, enhanced: EnhancedStatus(4, 3, 1), lines: ["load shedding: \(error.message). Try later"])
        }
        if error.code == .full { return full(error.detail) }
        // A volume that failed or is gone says so itself, once and not for each message.
        if error.code != .missing, error.code != .fenced { Log.error("the spool refused a message", ["error": "\(error)"]) }
        return Reply(code: 451, enhanced: EnhancedStatus(4, 3, 0), lines: ["the message could not be stored. Try later"])
    }
}

extension LogRecord.Response {
    /// A reply without a text.
    package init(code: Int) { self.init(code: code, content: "") }
}
