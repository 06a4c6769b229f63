import DNS
import Message
import NIOCore
import NIOPosix
import Options
import Platform
import Resources
import SMTP
import Shaping
import Spool
import TLS
import Telemetry

/// *Loop-confined*: one connection of an egress path, from the first dial to its close. It belongs to the actor of the path; the events of its
/// sockets come through a door.
///
/// It walks the route's hosts until one opens a session, then delivers messages one at a time.
final class EgressConnection {
    /// Names the connection within its path.
    let id: Int
    private unowned let owner: any ConnectionOwner
    private let door: any ConnectionDoor
    private let setup: ConnectionSetup
    private var plan: DialPlan
    private var client: NIOLoopBound<ClientHandler>?
    /// Counts the sessions of the connection.
    private var session = 0
    private var held: Attempt?
    /// The message whose envelope was sent behind the content of `held`.
    private var following: Attempt?
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
    private var offersUTF8 = false
    /// The next dial goes to the host of the last one, in clear.
    private var isClear = false
    private var tls: TLSFacts?
    private var peer: (name: String, address: String)?
    private var sourceAddress: String?
    /// What the limits granted for it.
    var permits: PathLimits.Permits?
    /// Messages sent over this connection.
    private(set) var deliveries = 0
    /// Monotonic time at which it became idle.
    var idleSince: Int64 = 0
    private lazy var sessionID = String(UInt64.random(in: .min ... .max), radix: 16)

    init(id: Int, owner: any ConnectionOwner, door: any ConnectionDoor, setup: ConnectionSetup) {
        self.id = id
        self.owner = owner
        self.door = door
        self.setup = setup
        plan = DialPlan(route: setup.route, source: setup.source.config, config: setup.config.table, own: setup.own)
    }

    /// What the connection is doing, for `explain`.
    var phase: String {
        if isClosing { return "closing" }
        if !isOpen { return "connecting" }
        return held == nil ? "idle" : "delivering"
    }

    /// Whether the connection has the message, and what its peer is, for `explain`.
    func holds(_ id: MessageID) -> Bool { held?.message.id == id || following?.message.id == id }
    var peerText: String? { peer.map { "\($0.name) [\($0.address)]" } }

    // MARK: Dialling

    /// Starts with the first host of the plan.
    func open() { advance() }

    private func advance() {
        if owner.isStopping || quitsWhenIdle || isFenced || isClosing { return finish() }
        switch plan.next() {
        case .dial(let candidate): dial(candidate)
        case .resolve(let host):
            let strategy = IPLookupStrategy(rawValue: setup.config.table.ipLookupStrategy.rawValue) ?? .ipv4AndIPv6
            owner.findAddresses(AddressQuery(host: host, strategy: strategy), for: self)
        case .exhausted(let failure):
            // A connection that was open once has served its route; the path opens a new one if it needs one.
            if !wasOpen { owner.connectionFailed(failure, of: self) }
            finish()
        }
    }

    /// The addresses of a host are known, or why they are not.
    func found(_ host: MailRoute.Host, _ answer: AddressAnswer) {
        plan.resolved(host, answer.result, rememberedUntil: answer.rememberedFailureEnd)
        advance()
    }

    private func dial(_ candidate: DialPlan.Candidate) {
        guard owner.mayDial else { return finish() }
        // A connection counts when it is dialled, each host anew: names may have been looked up for long, or another host been waited for.
        if case .wait(let until, _) = owner.takeDial() {
            // The path opens another one when the rate allows it; meanwhile this one would only keep permits.
            guard hasDialled else { return finish() }
            plan.repeatCurrent()
            return wait(until: until)
        }
        if !hasDialled {
            hasDialled = true
            owner.connectionIsDialled()
        }
        peer = (candidate.host, candidate.address.text)
        session += 1
        tls = nil
        let start = setup.startTLS(isBroken: isClear || owner.remembersBrokenTLS)
        isClear = false
        let handler = ClientHandler(
            configuration: setup.clientConfiguration(start), delegate: ConnectionSession(door, number: session),
            tls: start == .never ? nil : setup.tlsCall(to: candidate.host))
        let client = NIOLoopBound(handler, eventLoop: setup.loop)
        self.client = client
        do {
            let remote = try SocketAddress(ipAddress: candidate.address.text, port: candidate.port)
            var bootstrap = ClientBootstrap(group: setup.loop)
                .connectTimeout(.nanoseconds(setup.config.table.connectTimeout.wholeNanoseconds))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                // One read per event: replies are short, and a second read would only find the socket empty.
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2048))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(client.value) }
                }
            if let address = setup.source.config.sourceAddress {
                bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: address, port: 0))
            }
            bootstrap.connect(to: remote).whenComplete { [door, session] result in
                door.enter { $0.dialled(result.map { $0.localAddress?.ipAddress }, to: remote, session: session) }
            }
        } catch {
            dialFailed(DialError.text(error))
        }
    }

    /// A socket was connected, and where from, or why it was not.
    private func dialled(_ result: Result<String?, any Error>, to remote: SocketAddress, session: Int) {
        guard session == self.session else { return }
        switch result {
        case .success(let address): sourceAddress = address
        case .failure(let error): dialFailed(error, to: remote)
        }
    }

    /// - Parameter remote: where it was to go.
    func dialFailed(_ error: any Error, to remote: SocketAddress) {
        guard !isOpen, !isClosing, let shortage = LocalShortage(error, to: remote) else { return dialFailed(DialError.text(error)) }
        // The other hosts could not be reached either.
        client = nil
        owner.fellShort(shortage)
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
        if reason.kind == .notEncrypted, setup.fallsBackToClear {
            owner.noteBrokenTLS()
            isClear = true
            plan.repeatCurrent()
            return advance()
        }
        let refusal = reason.reply.flatMap { $0.code >= 400 ? $0.reply : nil }
        plan.refused(reason.text, reply: refusal, command: reason.stage.map { "\($0)" })
        advance()
    }

    private func wait(until time: Int64) {
        pause = setup.loop.scheduleTask(in: .nanoseconds(max(1_000_000, time - Clock.monotonic()))) { [door] in
            door.enter { $0.goOn() }
        }
    }

    private func goOn() {
        pause = nil
        advance()
    }

    /// Nothing else would end a connection that waits for a rate.
    private func endPause() {
        guard let pause else { return }
        pause.cancel()
        self.pause = nil
        finish()
    }

    // MARK: Delivering

    /// Sends a message, or settles it when it cannot be sent; false when the connection is still free.
    func send(_ attempt: consuming Attempt, recipients limit: Int) -> Bool {
        guard let client, let transaction = transaction(attempt, recipients: limit) else {
            owner.settle(attempt, .untouched)
            return false
        }
        held = attempt
        isLateStart = deliveries == 0 && idleSince > 0 && Clock.monotonic() - idleSince >= Self.lateness
        contentSentAt = 0
        client.value.send(transaction)
        return true
    }

    /// A server may have closed a session that was opened so long ago and never used.
    private static let lateness: Int64 = 1_000_000_000

    private func transaction(_ attempt: Attempt, recipients limit: Int) -> ClientTransaction? {
        attempt.transaction(recipients: limit, offersUTF8: offersUTF8, pull: owner.bodyReader(attempt.message.handle))
    }

    /// Says QUIT and closes.
    func quit() {
        guard !isClosing else { return }
        isClosing = true
        owner.connectionIsLeaving(self)
        if isOpen { client?.value.quit() } else { client?.value.abort() }
        endPause()
    }

    /// Quits as soon as the transaction in flight has its outcome.
    func quitWhenIdle() {
        quitsWhenIdle = true
        if held == nil { quit() }
    }

    private func finish() {
        isClosing = true
        owner.connectionClosed(self)
    }
}

// Events of the session.
extension EgressConnection {
    /// The session is encrypted.
    func secured(_ facts: TLSFacts) { tls = facts }

    /// The session is open.
    func ready(offersUTF8: Bool) {
        isOpen = true
        wasOpen = true
        self.offersUTF8 = offersUTF8
        owner.connectionIsFree(self)
    }

    /// A transaction has its result.
    func finished(_ recipients: [EnvelopeAddress], _ result: TransactionResult) {
        guard var attempt = held.take() else { return }
        held = following.take()
        if contentSentAt > 0 {
            answerTime = Clock.monotonic() - contentSentAt
            contentSentAt = 0
        }
        let hasNextHost = setup.config.table.tryNextHostOnTransportError && plan.hasMore && !quitsWhenIdle
        switch attempt.note(recipients, result, isLateStart: isLateStart, isFenced: isFenced, hasNextHost: hasNextHost) {
        case .newConnection:
            owner.sessionBroke(result.perRecipient[0].reply, isAmbiguous: result.isAmbiguous)
            owner.connectionIsLeaving(self)
            return owner.putBack(attempt)
        case .nextHost:
            owner.connectionIsLeaving(self)
            return owner.putBack(attempt)
        case .unattempted: return owner.settle(attempt, .untouched)
        case .sameSession:
            deliveries += 1
            owner.putBack(attempt)
        case .ended:
            deliveries += 1
            owner.settle(attempt, outcome(isAmbiguous: result.isAmbiguous))
        }
        guard result.sessionUsable else { return owner.connectionIsLeaving(self) }
        // What was looked ahead must not be sent any more.
        if isFenced, held != nil { return abort() }
        // The message looked ahead takes over by itself.
        guard held == nil else { return }
        if isFenced { abort() } else if quitsWhenIdle { quit() } else if !isClosing { owner.connectionIsFree(self) }
    }

    /// The content of the running message is being written: what may follow it.
    func next() -> ClientTransaction? {
        if owner.wantsAnswerTime { contentSentAt = Clock.monotonic() }
        guard !isClosing, !quitsWhenIdle, !isFenced, following == nil, let attempt = owner.lookAhead(for: self) else { return nil }
        guard let transaction = transaction(attempt, recipients: setup.config.table.maxRecipientsPerBatch) else {
            owner.settle(attempt, .untouched)
            return nil
        }
        following = attempt
        return transaction
    }

    /// The session is gone.
    func closed(_ reason: ClientCloseReason, session: Int) {
        guard session == self.session, client != nil else { return }
        client = nil
        // Nothing of their content was sent: they go out over another connection, in their order.
        for attempt in [following, held].compactMap({ $0 }) { owner.putBack(attempt) }
        held = nil
        following = nil
        guard isOpen else { return reason.stage == nil ? dialFailed(reason.text) : sessionFailed(reason) }
        reconnect(after: reason)
    }

    /// The peer dropped an open session: what follows is the policy's `reconnect_strategy`.
    private func reconnect(after reason: ClientCloseReason) {
        isOpen = false
        owner.connectionIsLeaving(self)
        guard !isClosing, !quitsWhenIdle, !reason.wasIdle, owner.hasBacklog,
            plan.hasMore || setup.config.table.reconnectStrategy == .reconnectSameHost
        else { return finish() }
        switch setup.config.table.reconnectStrategy {
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
        owner.connectionIsLeaving(self)
        if held != nil, client?.value.awaitsContentReply == true { return quitWhenIdle() }
        abort()
    }

    /// Ends the connection whatever it is doing.
    func abort() {
        isClosing = true
        client?.value.abort()
        endPause()
    }

    private func outcome(isAmbiguous: Bool) -> AttemptOutcome {
        var outcome = AttemptOutcome(recipients: [], consumesAttempt: true)
        outcome.isAmbiguous = isAmbiguous
        describe(&outcome)
        outcome.peer = peer
        return outcome
    }

    /// Fills in what a log record tells of a connection.
    func describe(_ outcome: inout AttemptOutcome) {
        outcome.site = setup.pathName
        outcome.source = setup.source.name
        outcome.sourceAddress = sourceAddress
        outcome.sessionID = sessionID
        outcome.tls = tls
        outcome.provider = setup.config.table.providerName
        outcome.deliveryProtocol = setup.config.table.useLmtp ? "LMTP" : "ESMTP"
    }
}
