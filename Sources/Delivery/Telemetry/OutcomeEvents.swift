import DequeModule
import Message
import NIOCore
import Options
import Policy
import Resources
import SMTP
import Shaping
import Telemetry

/// *Loop-confined*: runs `delivery_complete` beside the mail path.
///
/// A slow handler never slows delivery: outcomes wait in a bounded backlog, a bounded number of handlers runs at a time, and what does
/// not fit is dropped and counted.
final class OutcomeEvents {
    private struct Pending {
        let message: OutcomeMessage
        let result: ConfigValue
    }

    private let address: ShardAddress
    private let metrics: NodeMetrics
    private var engine: PolicyEngine
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

    /// Calls the handlers of a Lua state, on the loop of a shard.
    init(_ address: ShardAddress, engine: PolicyEngine, metrics: NodeMetrics) {
        self.address = address
        self.metrics = metrics
        self.engine = engine
        isWanted = engine.handles(.deliveryComplete)
    }

    /// The shard has another Lua state.
    func use(_ fresh: PolicyEngine) {
        engine = fresh
        isWanted = fresh.handles(.deliveryComplete)
    }

    /// Notes the outcome of one recipient; its handler runs later.
    func submit(
        _ type: LogRecordType, _ message: QueuedMessage, _ recipient: AttemptOutcome.Recipient, _ outcome: AttemptOutcome
    ) {
        guard isWanted else { return }
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
        address.post(.reportOutcomes)
    }

    /// Starts the handlers of outcomes that wait.
    func report() {
        isScheduled = false
        var budget = Self.batch
        while budget > 0, running < Self.concurrency, let next = backlog.popFirst() {
            budget -= 1
            running += 1
            metrics.eventBacklog.add(-1)
            engine.call(.deliveryComplete, [.message(next.message), .config(next.result)]) { [self] result in
                running -= 1
                if case .failure(let error) = result {
                    metrics.eventFailures.add(1)
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
    let id: String
    let sender: EnvelopeAddress
    let recipients: [EnvelopeAddress]
    let queueName: String
    let numAttempts: Int
    let data: [UInt8] = []
    private var stored: [(key: String, value: String)]
    private let headers: ByteBuffer?

    init(_ message: QueuedMessage, recipient: EnvelopeAddress) {
        id = message.id.hex
        sender = message.sender
        recipients = [recipient]
        queueName = message.queue.name
        numAttempts = message.attempts
        stored = message.meta
        headers = message.content?.headers
    }

    func meta(_ key: String) -> ConfigValue {
        guard let text = stored.last(where: { $0.key == key })?.value else { return .null }
        return ConfigValue(json: text) ?? .string(text)
    }

    func setMeta(_ key: String, _ value: ConfigValue) {
        stored.removeAll { $0.key == key }
        if value != .null { stored.append((key, value.jsonText)) }
    }

    func firstHeader(_ name: String) -> String? {
        headers?.withUnsafeReadableBytes { HeaderBlock.firstValue(named: name, in: $0) }
    }
}
