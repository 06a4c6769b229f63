import DNS
package import Message
import NIOCore
import NIOPosix
import Platform
package import SMTP
package import Shaping
import Spool
import Telemetry

/// *Loop-confined*: one connection of an egress path, from the first dial to its close.
///
/// It walks the route's hosts until one opens a session, then delivers messages one at a time.
package final class EgressConnection {
    private let path: EgressPath
    private let config: EgressPathConfig
    private var plan: DialPlan
    private var client: ClientHandler?
    private var channel: (any Channel)?
    private var held: QueuedMessage?
    /// The message whose envelope was sent behind the content of `held`.
    private var following: QueuedMessage?
    private var isOpen = false
    private var wasOpen = false
    private var hasReconnected = false
    private var isClosing = false
    private var quitsWhenIdle = false
    /// Whether any host was dialled.
    private(set) var hasDialled = false
    /// The next dial, when a rate puts it off.
    private var pause: Scheduled<Void>?
    /// The message on the wire waited for by a connection that had been idle since it was opened.
    private var isLateStart = false
    /// When the content of the running message was written, monotonic; 0 when it does not matter.
    private var contentSentAt: Int64 = 0
    /// How long the server took to answer the content of the last message, nanoseconds; asked for under message rates.
    private(set) var answerTime = Int64.max
    /// Whether `fence` was called.
    private(set) var isFenced = false
    /// Whether it ends as soon as it can.
    var isLeaving: Bool { isClosing || isFenced }
    private var peer: (name: String, address: String)?
    private var sourceAddress: String?
    /// What the limits granted for it.
    package var permits: PathLimits.Permits?
    /// Messages sent over this connection.
    package private(set) var deliveries = 0
    /// Monotonic time at which it became idle.
    var idleSince: Int64 = 0
    /// Monotonic time at which it was opened.
    let openedAt = Clock.monotonic()
    private lazy var sessionID = String(UInt64.random(in: .min ... .max), radix: 16)

    package init(path: EgressPath, config: EgressPathConfig) {
        self.path = path
        self.config = config
        self.plan = DialPlan(route: path.route, source: path.source.config, config: config, own: path.services.own)
    }

    private var loop: any EventLoop { path.shard.loop }

    /// What the connection is doing, for `explain`.
    package var phase: String {
        if isClosing { return "closing" }
        if !isOpen { return "connecting" }
        return held == nil ? "idle" : "delivering"
    }

    /// Whether the connection has the message, and what its peer is, for `explain`.
    package func holds(_ id: MessageID) -> Bool { held?.id == id || following?.id == id }
    package var peerText: String? { peer.map { "\($0.name) [\($0.address)]" } }

    // MARK: Dialling

    /// Starts with the first host of the plan.
    package func open() { advance() }

    private func advance() {
        if path.services.state.phase == .stopping || quitsWhenIdle || isFenced || isClosing { return finish() }
        switch plan.next() {
        case .dial(let candidate): dial(candidate)
        case .resolve(let host):
            let strategy = IPLookupStrategy(rawValue: config.ipLookupStrategy.rawValue) ?? .ipv4AndIPv6
            let router = path.services.router
            let box = LoopBound(self)
            Task { [shard = path.shard] in
                let answer = await router.addressAnswer(of: host.name, strategy: strategy)
                shard.post(
                    .run {
                        box.value.plan.resolved(host, answer.result, rememberedUntil: answer.rememberedFailureEnd)
                        box.value.advance()
                    })
            }
        case .exhausted(let failure):
            // A connection that was open once has served its route; the path opens a new one if it needs one.
            if !wasOpen { path.connectionFailed(failure, of: self) }
            finish()
        }
    }

    private func dial(_ candidate: DialPlan.Candidate) {
        guard path.mayDial else { return finish() }
        // A connection counts when it is dialled, each host anew: names may have been looked up for long, or another host been waited for.
        if case .wait(let until, _)? = path.limits?.takeDial(now: Clock.monotonic()) {
            // The path opens another one when the rate allows it; meanwhile this one would only keep permits.
            guard hasDialled else { return finish() }
            plan.repeatCurrent()
            return wait(until: until)
        }
        if !hasDialled {
            hasDialled = true
            path.connectionIsDialled()
        }
        peer = (candidate.host, candidate.address.text)
        let client = ClientHandler(configuration: clientConfiguration, delegate: self)
        self.client = client
        let bound = LoopBound(client)
        do {
            let remote = try SocketAddress(ipAddress: candidate.address.text, port: candidate.port)
            var bootstrap = ClientBootstrap(group: loop)
                .connectTimeout(.nanoseconds(config.connectTimeout.wholeNanoseconds))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                // One read per event: replies are short, and a second read would only find the socket empty.
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2048))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
                }
            if let address = path.source.config.sourceAddress {
                bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: address, port: 0))
            }
            let box = LoopBound(self)
            bootstrap.connect(to: remote).assumeIsolated().whenComplete { result in
                switch result {
                case .success(let channel):
                    box.value.channel = channel
                    box.value.sourceAddress = channel.localAddress?.ipAddress
                case .failure(let error): box.value.dialFailed(error, to: remote)
                }
            }
        } catch {
            dialFailed(DialError.text(error))
        }
    }

    /// - Parameter remote: where it was to go.
    func dialFailed(_ error: any Error, to remote: SocketAddress) {
        guard !isOpen, !isClosing, let shortage = LocalShortage(error, to: remote) else { return dialFailed(DialError.text(error)) }
        // The other hosts could not be reached either.
        client = nil
        path.fellShort(shortage)
        finish()
    }

    private func dialFailed(_ text: String) {
        guard !isOpen else { return }
        if isClosing { return finish() }
        client = nil
        plan.failed(text)
        advance()
    }

    /// The connection was made and ended before a session was open.
    private func sessionFailed(_ reason: ClientCloseReason) {
        if isClosing { return finish() }
        let refusal = reason.reply.flatMap { $0.code >= 400 ? $0.reply : nil }
        plan.refused(reason.text, reply: refusal, command: reason.stage.map { "\($0)" })
        advance()
    }

    private func wait(until time: Int64) {
        let box = LoopBound(self)
        pause = loop.scheduleTask(in: .nanoseconds(max(1_000_000, time - Clock.monotonic()))) {
            box.value.pause = nil
            box.value.advance()
        }
    }

    /// Nothing else would end a connection that waits for a rate.
    private func endPause() {
        guard let pause else { return }
        pause.cancel()
        self.pause = nil
        finish()
    }

    private var clientConfiguration: ClientConfiguration {
        var timeouts = ClientTimeouts()
        timeouts.banner = config.bannerTimeout
        timeouts.ehlo = config.ehloTimeout
        timeouts.rset = config.rsetTimeout
        timeouts.mail = config.mailFromTimeout
        timeouts.rcpt = config.rcptToTimeout
        timeouts.data = config.dataTimeout
        timeouts.dataDot = config.dataDotTimeout
        return ClientConfiguration(
            ehloDomain: config.ehloDomain ?? path.source.config.ehloDomain ?? path.services.hostname, timeouts: timeouts,
            enablePipelining: config.enablePipelining, enableRSET: config.enableRset,
            ignore8BitChecks: config.ignore8bitChecks, useLMTP: config.useLmtp)
    }

    // MARK: Delivering

    /// Sends a message, or settles it when it cannot be sent; false when the connection is still free.
    package func send(_ message: QueuedMessage, recipients limit: Int) -> Bool {
        guard let client, let transaction = transaction(message, recipients: limit) else {
            path.settle(message, .untouched)
            return false
        }
        held = message
        isLateStart = deliveries == 0 && idleSince > 0 && Clock.monotonic() - idleSince >= Self.lateness
        contentSentAt = 0
        client.send(transaction)
        return true
    }

    /// A server may have closed a session that was opened so long ago and never used.
    private static let lateness: Int64 = 1_000_000_000

    private func transaction(_ message: QueuedMessage, recipients limit: Int) -> ClientTransaction? {
        var batch = message.recipients.dropFirst(message.results.count).prefix(limit)
        guard let content = message.content, let first = batch.first else { return nil }
        var needsUTF8 = content.headersNeedUTF8 || message.sender.needsSMTPUTF8
        if !needsUTF8, batch.contains(where: { $0.needsSMTPUTF8 }) {
            needsUTF8 = true
            // Where the server cannot have them, addresses in UTF-8 must not take the others along.
            if client?.capabilities.offers(.smtpUTF8) != true {
                needsUTF8 = first.needsSMTPUTF8
                batch = batch.prefix { $0.needsSMTPUTF8 == needsUTF8 }
            }
        }
        let body: ClientBody
        switch content.body {
        case .inline(let buffer), .inlineShared(_, let buffer): body = .inline(buffer)
        case .shared: body = .streamed(length: content.bodyLength, pull: puller(message))
        }
        return ClientTransaction(
            sender: message.sender, recipients: Array(batch), headers: content.headers, body: body, needs8Bit: content.is8bit,
            needsUTF8: needsUTF8)
    }

    /// Reads a large body piece by piece from the spool.
    private func puller(_ message: QueuedMessage) -> (Int, @escaping (Result<ByteBuffer, any Error>) -> Void) -> Void {
        { [path] offset, reply in
            guard let handle = message.handle else { return reply(.failure(NodeError("the message is not in the spool yet"))) }
            let box = LoopBound(reply)
            path.services.spool.readBody(handle, offset: offset, length: 256 * 1024) { result in
                path.shard.post(.run { box.value(result.mapError { $0 as any Error }) })
            }
        }
    }

    /// Says QUIT and closes.
    func quit() {
        guard !isClosing else { return }
        isClosing = true
        path.connectionIsLeaving(self)
        if isOpen { client?.quit() } else { client?.abort() }
        endPause()
    }

    /// Quits as soon as the transaction in flight has its outcome.
    func quitWhenIdle() {
        quitsWhenIdle = true
        if held == nil { quit() }
    }

    private func finish() {
        isClosing = true
        path.connectionClosed(self)
    }
}

extension EgressConnection: ClientSessionDelegate {
    package func ready(_ client: ClientHandler, capabilities: Capabilities) {
        isOpen = true
        wasOpen = true
        path.connectionIsFree(self)
    }

    package func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult) {
        guard let message = held else { return }
        held = following
        following = nil
        if contentSentAt > 0 {
            answerTime = Clock.monotonic() - contentSentAt
            contentSentAt = 0
        }
        if result.interruption == .between || (result.interruption == .atFirst && isLateStart) {
            // The session broke between messages, and this one had only the bad luck to be next: it goes out over a new connection, where
            // it is the first and would be charged. So no host is dialled twice for a message without anything having come of it.
            if result.isAmbiguous { path.services.metrics.ambiguous.add(1) }
            path.sessionBroke(result.perRecipient[0].reply)
            path.connectionIsLeaving(self)
            return path.putBack(message)
        }
        if isFenced, result.isTransportFailure {
            // We broke it off, for a lease that had ended: no attempt.
            return path.settle(message, .untouched)
        }
        if config.tryNextHostOnTransportError, plan.hasMore, !quitsWhenIdle, result.isTransportFailure, message.nextHostTries < 4 {
            message.nextHostTries += 1
            path.connectionIsLeaving(self)
            return path.putBack(message)
        }
        deliveries += 1
        var resend = 0
        let accepted = result.perRecipient.contains { $0.disposition == .delivered }
        for (address, recipient) in zip(transaction.recipients, result.perRecipient) {
            if accepted, recipient.isTooManyRecipients, result.sessionUsable {
                resend += 1
                continue
            }
            message.results.append(
                AttemptOutcome.Recipient(
                    address: address, fate: .init(recipient.disposition), reply: recipient.reply, command: "\(recipient.command)"))
        }
        if resend > 0 { message.moveAttemptedFirst() }
        if message.results.count < message.recipients.count, result.sessionUsable {
            path.putBack(message)
        } else {
            path.settle(message, outcome(of: message, ambiguous: result.isAmbiguous))
        }
        guard result.sessionUsable else { return path.connectionIsLeaving(self) }
        // What was looked ahead must not be sent any more.
        if isFenced, held != nil { return abort() }
        // The message looked ahead takes over by itself.
        guard held == nil else { return }
        if isFenced { abort() } else if quitsWhenIdle { quit() } else if !isClosing { path.connectionIsFree(self) }
    }

    package func next(_ client: ClientHandler) -> ClientTransaction? {
        if path.limits?.lookAhead != .free { contentSentAt = Clock.monotonic() }
        guard !isClosing, !quitsWhenIdle, !isFenced, following == nil, let message = path.lookAhead(for: self) else { return nil }
        guard let transaction = transaction(message, recipients: config.maxRecipientsPerBatch) else {
            path.settle(message, .untouched)
            return nil
        }
        following = message
        return transaction
    }

    package func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?) {
        guard client === self.client else { return }
        self.client = nil
        // Nothing of their content was sent: they go out over another connection, in their order.
        for message in [following, held].compactMap({ $0 }) { path.putBack(message) }
        held = nil
        following = nil
        guard isOpen else { return reason.stage == nil ? dialFailed(reason.text) : sessionFailed(reason) }
        reconnect(after: reason)
    }

    /// The peer dropped an open session: what follows is the policy's `reconnect_strategy`.
    private func reconnect(after reason: ClientCloseReason) {
        isOpen = false
        path.connectionIsLeaving(self)
        guard !isClosing, !quitsWhenIdle, !reason.wasIdle, path.hasBacklog, plan.hasMore || config.reconnectStrategy == .reconnectSameHost
        else { return finish() }
        switch config.reconnectStrategy {
        case .terminateSession: return finish()
        case .connectNextHost: break
        case .reconnectSameHost:
            // Once: a host that drops every session must not be dialled for ever by the same connection.
            guard !hasReconnected else { return finish() }
            hasReconnected = true
            plan.repeatCurrent()
        }
        deliveries = 0
        idleSince = 0
        advance()
    }

    /// The permit is another node's by now: ends the connection, unless the content of a message is sent and only its reply is missing.
    ///
    /// Cut off there, the message would be sent twice; the reply is waited for and the connection closed behind it.
    func fence() {
        guard !isFenced else { return }
        isFenced = true
        path.connectionIsLeaving(self)
        if held != nil, client?.awaitsContentReply == true { return quitWhenIdle() }
        abort()
    }

    /// Ends the connection whatever it is doing.
    package func abort() {
        isClosing = true
        client?.abort()
        endPause()
    }

    private func outcome(of message: QueuedMessage, ambiguous: Bool) -> AttemptOutcome {
        var outcome = AttemptOutcome(recipients: message.results, consumesAttempt: true)
        message.results = []
        outcome.isAmbiguous = ambiguous
        describe(&outcome)
        outcome.peer = peer
        return outcome
    }

    /// Fills in what a log record tells of a connection.
    func describe(_ outcome: inout AttemptOutcome) {
        outcome.site = path.name
        outcome.source = path.source.name
        outcome.sourceAddress = sourceAddress
        outcome.sessionID = sessionID
        outcome.provider = config.providerName
        outcome.deliveryProtocol = config.useLmtp ? "LMTP" : "ESMTP"
    }
}

extension TransactionResult {
    /// The connection broke, and nobody can have got the message.
    fileprivate var isTransportFailure: Bool {
        !sessionUsable && perRecipient.allSatisfy { $0.origin == .transport(ambiguous: false) }
    }
}

extension AttemptOutcome.Fate {
    package init(_ disposition: RecipientOutcome.Disposition) {
        switch disposition {
        case .delivered: self = .delivered
        case .transient: self = .transient
        case .permanent: self = .bounced
        }
    }
}
