import DNS
import Delivery
import Message
import NIOCore
import Options
import Platform
import Policy
import Resources
import SMTP
import Shaping
import Spool
import TLS
import Telemetry

/// *Loop-confined*: decides about one inbound session: relay rules, policy events, and the way of its messages into the spool.
final class SMTPSession {
    /// What it shares with the other sessions of its listener.
    package let listener: ListenerGate
    private let ground: ShardGround
    private lazy var meta = SessionMeta(listener: listener.config.meta)
    private var isRelay = false
    private var messages = 0
    private var messageLimit = Int.max
    private var stream: BodyStream?
    private var isCounted = false
    /// The session has paid for its connection already; a second EHLO costs nothing.
    private var wasAdmitted = false

    /// A session of the listener, on the loop of a shard.
    package init(listener: ListenerGate, ground: ShardGround) {
        self.listener = listener
        self.ground = ground
    }

    private var services: DeliveryServices { ground.services }

    /// Calls an event, if the policy handles it, and turns its answer into a verdict; without a handler at once.
    private func ask(
        _ event: PolicyEvent, _ arguments: @autoclosure () -> [PolicyValue], reply: @escaping (Verdict) -> Void,
        accepted: @escaping (ConfigValue) -> Void
    ) {
        guard let engine = ground.engine, engine.handles(event) else { return accepted(.null) }
        engine.call(event, arguments()) { result in
            switch result {
            case .success(let value): accepted(value)
            case .failure(let error): reply(PolicyVerdict(error).verdict)
            }
        }
    }
}

extension SMTPSession: ServerSessionDelegate {
    func connected(_ session: ServerSession, reply: @escaping (Verdict) -> Void) {
        services.metrics.inboundConnections.add(1)
        services.metrics.inboundTotal.add(1)
        let open = listener.opened()
        isCounted = true
        guard listener.hasRoom(open) else {
            services.metrics.inboundDenied.add(1)
            return reply(.disconnect(listener.closing("too many concurrent sessions. Try later")))
        }
        guard services.state.phase == .ready else { return reply(.disconnect(listener.closing("shutting down"))) }
        let peer = HostAddress(session.facts.peerIP)
        isRelay = peer.map { listener.relayHosts.contains($0) } ?? false
        meta.fill(session.facts, listener: listener)
        if session.facts.tls != nil { secured(session) }
        ask(.smtpServerConnectionAccepted, [.connection(meta)], reply: reply) { _ in reply(.accept(nil)) }
    }

    func hello(_ session: ServerSession, domain: String, extended: Bool, reply: @escaping (Verdict) -> Void) {
        meta.set("ehlo_domain", domain)
        ask(.smtpServerEhlo, [.string(domain), .connection(meta)], reply: reply) { [self] value in
            guard case .table(let table) = value else { return reply(.accept(nil)) }
            do throws(ConfigError) {
                let caps = try ClientCaps(table)
                if let deliveries = caps.maxDeliveriesPerConnection { messageLimit = deliveries }
                if let rate = caps.maxConnectionRate, !wasAdmitted, !listener.admits(client: domain, rate: rate) {
                    services.metrics.inboundDenied.add(1)
                    return reply(.disconnect(listener.closing("too many connections from \(domain). Try later")))
                }
                wasAdmitted = true
                reply(.accept(nil))
            } catch {
                Log.error("policy failed", ["event": "smtp_server_ehlo", "error": error.message])
                reply(.reject(Reply(code: 451, enhanced: EnhancedStatus(4, 3, 0), lines: ["technical difficulties. Try later"])))
            }
        }
    }

    func secured(_ session: ServerSession) {
        services.metrics.inboundEncrypted.add(1)
        if let tls = session.facts.tls { meta.fill(tls) }
    }

    func encryptionFailed(_ session: ServerSession, _ failure: TLSFailure) {
        services.metrics.inboundEncryptionFailed.add(1)
        Log.info("a client could not be given TLS", ["peer": session.facts.peerText, "error": failure.text])
    }

    package func mail(
        _ session: ServerSession, sender: EnvelopeAddress, parameters: MailParameters, reply: @escaping (Verdict) -> Void
    ) {
        if messages >= messageLimit {
            return reply(.disconnect(listener.closing("too many messages in this session. Come again")))
        }
        if let refusal = Intake.refusal(services) { return reply(.reject(refusal)) }
        ask(.smtpServerMailFrom, [.address(sender), .connection(meta)], reply: reply) { _ in reply(.accept(nil)) }
    }

    package func recipient(_ session: ServerSession, recipient: EnvelopeAddress, reply: @escaping (Verdict) -> Void) {
        guard isRelay else {
            return reply(
                .reject(
                    Reply(
                        code: 550, enhanced: EnhancedStatus(5, 7, 1),
                        lines: ["relaying not permitted for \(session.facts.peerText)"])))
        }
        // Envelopes count too: a client may name very many recipients before it sends anything.
        if services.resident.isExhausted, let refusal = Intake.refusal(services) { return reply(.reject(refusal)) }
        ask(.smtpServerRcptTo, [.address(recipient), .connection(meta)], reply: reply) { _ in reply(.accept(nil)) }
    }

    func bodyChunk(_ session: ServerSession, chunk: ByteBuffer, proceed: @escaping (Verdict) -> Void) {
        if let refusal = Intake.refusal(services) { return proceed(.reject(refusal)) }
        var bytes = chunk.readableBytes
        if stream == nil {
            bytes += session.streamedHead?.readableBytes ?? 0  // goes to the spool with the first piece
            guard let head = session.streamedHead, let started = BodyStream(head: head, id: listener.nextID(), ground: ground) else {
                return proceed(
                    .reject(Reply(code: 552, enhanced: EnhancedStatus(5, 3, 4), lines: ["message header section too big"])))
            }
            stream = started
            session.releaseStreamedHead()
            // Refused now and not at the end: nothing of a looping message needs to be stored.
            if let loop = ReceivedContent.loop(in: started.headers, limit: listener.config.maxReceivedHeaders) {
                return proceed(.reject(loop))
            }
        }
        // The piece stays in memory until it is written, whatever becomes of the session.
        let resident = services.resident
        let held = bytes
        resident.change(.smtp, by: held)
        stream?.append(chunk) { error in
            resident.change(.smtp, by: -held)
            guard let error else { return proceed(.accept(nil)) }
            proceed(.reject(Reply(code: 452, enhanced: EnhancedStatus(4, 3, 1), lines: ["the message could not be stored: \(error)"])))
        }
    }

    func aborted(_ session: ServerSession) {
        stream?.abandon()
        stream = nil
    }

    package func message(_ session: ServerSession, transaction: ReceivedTransaction, reply: @escaping (Verdict) -> Void) {
        let facts = session.facts
        let batches = split(
            transaction.recipients.map { $0.domain.isEmpty ? EnvelopeAddress(localPart: $0.localPart, domain: listener.hostname) : $0 })
        let streamed = stream
        stream = nil
        if let refusal = Intake.refusal(services) {
            streamed?.abandon()
            return reply(.reject(refusal))
        }
        let content = streamed.map { ReceivedContent($0) } ?? ReceivedContent(transaction.data)
        if streamed == nil, let loop = ReceivedContent.loop(in: content.headers, limit: listener.config.maxReceivedHeaders) {
            return reply(.reject(loop))
        }
        let received = compose(transaction, batches, facts, content)
        // From here to the queue the content belongs to neither the session nor the queue.
        let resident = services.resident
        let bytes = received.reduce(transaction.data.storageCapacity) { $0 + $1.headers.readableBytes }
        resident.change(.smtp, by: bytes)
        let intake = Intake(
            ground: ground, hook: .smtpServerMessageReceived, service: services.metrics.received,
            receptionProtocol: facts.protocolName,
            peer: LogRecord.Peer(name: facts.ehlo ?? "", address: facts.peerText), durability: listener.durability, tls: facts.tls)
        intake.take(received, connection: meta) { [self] outcome in
            resident.change(.smtp, by: -bytes)
            messages += 1
            if outcome.accepted.isEmpty { streamed?.abandon() }
            reply(verdict(outcome))
        }
    }

    func rejected(_ session: ServerSession, command: String, reply: Reply) {
        services.metrics.rejections.add(1)
        guard services.logs.wants(.rejection) else { return }
        let now = Clock.wall()
        let envelope = session.rejectedEnvelope
        let recipients = envelope.recipients.isEmpty ? [""] : envelope.recipients.map(\.text)
        var record = services.logs.record(
            .rejection, id: "", sender: envelope.sender?.text ?? "", recipients: recipients, created: now)
        record.response = LogRecord.Response(reply, command: command)
        record.peerAddress = LogRecord.Peer(name: session.facts.ehlo ?? "", address: session.facts.peerText)
        record.receptionProtocol = session.facts.protocolName
        record.note(session.facts.tls)
        record.sessionID = String(session.facts.id, radix: 16)
        services.logs.submit(record)
    }

    package func closed(_ session: ServerSession) {
        stream?.abandon()
        stream = nil
        guard isCounted else { return }
        isCounted = false
        services.metrics.inboundConnections.add(-1)
        listener.closed()
        services.state.noteDeparture()
    }

    // MARK: Messages

    /// One batch per message: each recipient its own, or all of a domain together.
    private func split(_ recipients: [EnvelopeAddress]) -> [[EnvelopeAddress]] {
        var seen: Set<EnvelopeAddress> = []
        let recipients = recipients.filter { seen.insert($0).inserted }
        guard recipients.count > 1, listener.config.batchHandling == .batchByDomain else { return recipients.map { [$0] } }
        var order: [String] = []
        var groups: [String: [EnvelopeAddress]] = [:]
        for recipient in recipients {
            let domain = recipient.normalizedDomain
            if groups[domain] == nil { order.append(domain) }
            groups[domain, default: []].append(recipient)
        }
        return order.compactMap { groups[$0] }
    }

    private func compose(
        _ transaction: ReceivedTransaction, _ batches: [[EnvelopeAddress]], _ facts: SessionFacts, _ content: ReceivedContent
    ) -> [ReceivedMessage] {
        let origin = TraceHeaders.Origin(
            ehlo: facts.ehlo ?? "unknown", peer: facts.peerIP, hostname: listener.hostname, local: facts.localIP,
            with: Self.protocolText(facts, isUTF8: transaction.parameters.smtpUTF8))
        let date = listener.date(unixSeconds: transaction.receivedAt / 1_000_000_000)
        return batches.map { recipients in
            let id = listener.nextID()
            var headers = ByteBufferAllocator().buffer(capacity: content.headers.readableBytes + 512)
            listener.trace.write(into: &headers, origin: origin, id: id.hex, recipients: recipients, date: date, meta: meta.stored)
            listener.trace.write(content.seam, into: &headers)
            headers.writeImmutableBuffer(content.headers)
            return ReceivedMessage(
                id: id, sender: transaction.sender, recipients: recipients, created: transaction.receivedAt, headers: headers,
                body: content.body, bodyLength: content.bodyLength, is8bit: transaction.is8bit, sessionMeta: meta.stored)
        }
    }

    /// The protocol of a `Received` line (RFC 3848, RFC 6531), with what encrypted it.
    private static func protocolText(_ facts: SessionFacts, isUTF8: Bool) -> String {
        let name = isUTF8 && facts.isESMTP ? (facts.tls == nil ? "UTF8SMTP" : "UTF8SMTPS") : facts.protocolName
        return facts.tls.map { "\(name) (\($0.version):\($0.cipher))" } ?? name
    }

    private func verdict(_ outcome: Intake.Outcome) -> Verdict {
        guard let first = outcome.accepted.first else {
            let reply = outcome.refused.first?.reply ?? Reply(code: 451, enhanced: EnhancedStatus(4, 3, 0), lines: ["try later"])
            return outcome.disconnects ? .disconnect(reply) : .reject(reply)
        }
        var text = outcome.refused.isEmpty ? "OK ids=" : "PARTIAL ids="
        text += first.hex
        for id in outcome.accepted.dropFirst() { text += " " + id.hex }
        return .accept(Reply(code: 250, enhanced: nil, lines: [text]))
    }
}
