import DequeModule
import Message
import NIOCore
import Policy
import SMTP
import Shaping
import Telemetry

/// *Loop-confined*: runs `delivery_complete` beside the mail path.
///
/// A slow handler never slows delivery: outcomes wait in a bounded backlog, a bounded number of handlers runs at a time, and what does
/// not fit is dropped and counted.
final class OutcomeEvents {
    private struct Pending {
        package let message: OutcomeMessage
        package let result: ConfigValue
    }

    private unowned let shard: Shard
    private var isWanted: Bool
    private var backlog = Deque<Pending>()
    private var running = 0
    private var isScheduled = false

    /// Outcomes that may wait.
    static let backlogLimit = 10_000
    /// Handlers that may be suspended at the same time.
    static let concurrency = 64
    /// Handlers started per turn of the loop.
    private static let batch = 32

    package init(shard: Shard) {
        self.shard = shard
        isWanted = shard.engine?.handles(.deliveryComplete) ?? false
    }

    /// The shard has another Lua state.
    package func policyChanged() { isWanted = shard.engine?.handles(.deliveryComplete) ?? false }

    /// Notes the outcome of one recipient; its handler runs later.
    package func submit(
        _ type: LogRecordType, _ message: QueuedMessage, _ recipient: AttemptOutcome.Recipient, _ outcome: AttemptOutcome
    ) {
        guard isWanted else { return }
        let metrics = shard.services.metrics
        guard backlog.count < Self.backlogLimit else { return metrics.eventsDropped.add(1) }
        let status: String
        switch type {
        case .delivery: status = "delivered"
        case .transientFailure: status = "deferred"
        case .bounce: status = "bounced"
        case .expiration: status = "expired"
        default: return
        }
        var result: [String: ConfigValue] = [
            "status": .string(status), "response": .string(recipient.reply.oneLine), "code": .integer(Int64(recipient.reply.code)),
            "attempts": .integer(Int64(message.attempts)),
        ]
        if let enhanced = recipient.reply.enhanced { result["enhanced_code"] = .string(enhanced.text) }
        if let peer = outcome.peer { result["peer"] = .string("\(peer.name) [\(peer.address)]") }
        if let source = outcome.source { result["source"] = .string(source) }
        if let site = outcome.site { result["site"] = .string(site) }
        backlog.append(Pending(message: OutcomeMessage(message, recipient: recipient.address), result: .table(result)))
        metrics.eventBacklog.add(1)
        schedule()
    }

    private func schedule() {
        guard !isScheduled, running < Self.concurrency, !backlog.isEmpty else { return }
        isScheduled = true
        let box = LoopBound(self)
        shard.postLater(.run { box.value.run() })
    }

    private func run() {
        isScheduled = false
        var budget = Self.batch
        while budget > 0, running < Self.concurrency, let next = backlog.popFirst() {
            budget -= 1
            running += 1
            shard.services.metrics.eventBacklog.add(-1)
            shard.engine?.call(.deliveryComplete, [.message(next.message), .config(next.result)]) { [self] result in
                running -= 1
                if case .failure(let error) = result {
                    shard.services.metrics.eventFailures.add(1)
                    Log.error("policy failed", ["event": "delivery_complete", "error": "\(error)"])
                }
                schedule()
            }
        }
        schedule()
    }
}

/// *Loop-confined*: the message a `delivery_complete` handler sees: envelope and meta; the content may be gone already.
final class OutcomeMessage: PolicyMessage {
    package let id: String
    package let sender: EnvelopeAddress
    package let recipients: [EnvelopeAddress]
    package let queueName: String
    package let numAttempts: Int
    package let data: [UInt8] = []
    private var stored: [(key: String, value: String)]
    private let headers: ByteBuffer?

    package init(_ message: QueuedMessage, recipient: EnvelopeAddress) {
        id = message.id.hex
        sender = message.sender
        recipients = [recipient]
        queueName = message.queue.name
        numAttempts = message.attempts
        stored = message.meta
        headers = message.content?.headers
    }

    package func meta(_ key: String) -> ConfigValue {
        guard let text = stored.last(where: { $0.key == key })?.value else { return .null }
        return ConfigValue(json: text) ?? .string(text)
    }

    package func setMeta(_ key: String, _ value: ConfigValue) {
        stored.removeAll { $0.key == key }
        if value != .null { stored.append((key, value.jsonText)) }
    }

    package func firstHeader(_ name: String) -> String? {
        headers?.withUnsafeReadableBytes { HeaderBlock.firstValue(named: name, in: $0) }
    }
}
