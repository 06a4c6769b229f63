import Glibc
package import NIOCore
package import TLS

/// Speaks SMTP or LMTP to a server: the owner of one outbound connection's protocol.
///
/// *Loop-confined.* Drives `ClientSession.StateMachine`, which decides everything; this class moves bytes and keeps the clock. All methods
/// are called on the channel's loop; calls to the delegate come on it, also from within `send` and `quit`.
///
/// *Diagnostics*: nothing is retried or logged here; what ends the connection arrives in `closed`. Handing over a second transaction while
/// one waits or is looked ahead traps, because that is a bug of the caller.
package final class ClientHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    let configuration: ClientConfiguration
    var machine: ClientSession.StateMachine
    var context: ChannelHandlerContext?
    /// The transaction on the wire.
    var current: ClientTransaction?
    /// The content on its way, see `ClientHandler+Content.swift`.
    var outgoing = Outgoing()

    private let tls: TLSCall?
    private var delegate: (any ClientSessionDelegate)?
    private var parser = ReplyParser()
    /// Given to `send` before the session could take it.
    private var waiting: ClientTransaction?
    /// Returned by `next`: its envelope was written behind the content of `current`. Never beside `waiting`.
    private var ahead: ClientTransaction?
    private var isAsking = false
    private var abortsAfterAsking = false
    private var commands = ByteBuffer()
    private var isReading = false
    /// A reply is being acted upon.
    private var isAnswered = false
    private var isStarting = false
    private var needsFlush = false
    private var closeReason: ClientCloseReason?
    private var transportError: String?

    // One timer serves all deadlines: it is set again when it fires, not when a deadline moves further away.
    private let allowed: [TimeAmount]
    private let farewell: TimeAmount
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?
    private var timerFires = NIODeadline.distantFuture

    /// A handler for one connection that is being made.
    /// - Parameter tls: how it starts TLS; needed unless the configuration never does.
    package init(configuration: ClientConfiguration, delegate: any ClientSessionDelegate, tls: TLSCall? = nil) {
        self.tls = tls
        self.configuration = configuration
        self.delegate = delegate
        machine = ClientSession.StateMachine(configuration: configuration)
        allowed = ClientCommand.allCases.map { TimeAmount(configuration.timeouts[$0]) }
        farewell = TimeAmount(configuration.timeouts.farewell)
    }

    /// The connection's channel while it has one.
    package var channel: (any Channel)? { context?.channel }

    /// The session is open, and nothing runs, waits or is looked ahead in it.
    package var isIdle: Bool { machine.state == .idle && waiting == nil }

    /// What the server offered; empty before `ready`.
    package var capabilities: Capabilities { machine.capabilities }

    // MARK: Wishes

    /// Sends a message. One transaction runs at a time; one more may wait for it, or for the session to open, unless the delegate's
    /// `next` has returned one already.
    /// - Returns: false if the connection is gone and `closed` was already reported: then nothing more will be heard of `transaction`.
    @discardableResult
    package func send(_ transaction: ClientTransaction) -> Bool {
        guard delegate != nil else { return false }
        precondition(waiting == nil && ahead == nil, "a second transaction waits for the same connection")
        waiting = transaction
        startWaiting()
        return true
    }

    /// Ends the session after what is in flight, looked ahead or not: QUIT, at most 5 s for the answer, one more for the server to close.
    package func quit() {
        perform(machine.quit())
        finishEvent()
    }

    /// Whether a message was sent to its end and only the reply is missing: breaking off now could deliver it twice.
    package var awaitsContentReply: Bool {
        switch machine.state {
        case .dot, .loneDot: true
        case .bdat: machine.isContentSent
        case .initial, .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .rset, .mail, .rcpt, .data, .content, .quit, .closed:
            false
        }
    }

    /// Closes the connection at once. A running transaction is reported first.
    package func abort() {
        // The delegate may still return a transaction, which must come back.
        guard !isAsking else {
            abortsAfterAsking = true
            return
        }
        perform(machine.abort())
        finishEvent()
        // QUIT may have been answered, and the farewell be under way.
        if machine.state == .closed { close() }
    }

    private func startWaiting() {
        // Results made here come back at once and may bring the next transaction: a loop, not a recursion.
        guard !isStarting else { return }
        isStarting = true
        while current == nil, machine.state == .idle, let transaction = waiting {
            waiting = nil
            current = transaction
            if let refused = unsafeAddresses(of: transaction) {
                perform(.finish(refused))
            } else {
                perform(machine.begin(outline(of: transaction)))
            }
        }
        isStarting = false
        finishEvent()
    }

    /// Writes the envelope of the next transaction behind the content of the current one, if the delegate has one.
    func lookAhead() {
        guard machine.mayLookAhead, waiting == nil, let current, case .inline = current.body, let delegate else { return }
        isAsking = true
        let next = delegate.next(self)
        isAsking = false
        if let next {
            precondition(waiting == nil, "a second transaction waits for the same connection")
            if unsafeAddresses(of: next) == nil, let batch = machine.lookAhead(outline(of: next)) {
                ahead = next
                commands.clear()
                CommandEncoder.encode(batch, of: next, capabilities: machine.capabilities, into: &commands)
                write(commands)
            } else {
                // Refused here, when its turn comes.
                waiting = next
            }
        }
        if abortsAfterAsking { abort() }
    }

    private func outline(of transaction: ClientTransaction) -> ClientSession.Outline {
        let isInline = if case .inline = transaction.body { true } else { false }
        return ClientSession.Outline(
            recipients: transaction.recipients.count, size: transaction.size, needs8Bit: transaction.needs8Bit,
            needsUTF8: transaction.needsUTF8, isInline: isInline)
    }

    /// An address with control bytes cannot be sent: only its own recipient is refused for good.
    private func unsafeAddresses(of transaction: ClientTransaction) -> TransactionResult? {
        let isSenderSafe = CommandEncoder.isSafe(transaction.sender)
        if isSenderSafe, transaction.recipients.allSatisfy(CommandEncoder.isSafe) { return nil }
        let bad = RecipientOutcome(
            raw: RawReply(local: 553, "5.1.3", "KumoMTA internal: the address cannot be written in SMTP"),
            command: isSenderSafe ? .rcpt : .mail, origin: .local)
        let held = RecipientOutcome(
            raw: RawReply(local: 451, "4.1.3", "KumoMTA internal: not attempted, another address of the batch cannot be written"),
            command: .mail, origin: .local)
        return TransactionResult(
            perRecipient: transaction.recipients.map { isSenderSafe && CommandEncoder.isSafe($0) ? held : bad },
            sessionUsable: true)
    }

    // MARK: Actions

    private func perform(_ action: ClientSession.Action) {
        switch action {
        case .none: break
        case .hello(let command):
            commands.clear()
            CommandEncoder.hello(command, domain: configuration.ehloDomain, into: &commands)
            write(commands)
        case .startTLS: write(Self.startCommand)
        case .encrypt: encrypt()
        case .ready(let capabilities):
            delegate?.ready(self, capabilities: capabilities)
            startWaiting()
        case .send(let batch):
            guard let current else { return }
            commands.clear()
            CommandEncoder.encode(batch, of: current, capabilities: machine.capabilities, into: &commands)
            write(commands)
            if batch.bdat { startContent(of: current, stuffed: false) }
        case .sendContent:
            if let current { startContent(of: current, stuffed: true) }
        case .sendLoneDot: write(DotStuffer().terminator)
        case .sendQuit: write(Self.quitCommand)
        case .finish(let result):
            finish(result, next: ahead.take())
            startWaiting()
        case .finishAndQuit(let result):
            write(Self.quitCommand)
            finish(result)
        case .finishAndClose(let result, let reason):
            closeReason = reason
            finish(result)
            close()
        case .close(let reason):
            closeReason = reason
            // RFC 5321 3.1 and 4.1.1.10: a refused client still says QUIT. Nobody waits for the answer.
            if reason.kind == .refused { write(Self.quitCommand) }
            if reason.kind == .quit, isAnswered { part() } else { close() }
        }
    }

    private static let startCommand = ByteBuffer(staticString: "STARTTLS\r\n")
    private static let quitCommand = ByteBuffer(staticString: "QUIT\r\n")

    private func encrypt() {
        guard let context else { return }
        do {
            guard let tls else { throw TLSFailure(.handshake, "no certificates are known") }
            try context.pipeline.syncOperations.addHandler(tls.makeHandler(), position: .before(self))
        } catch {
            perform(machine.encryptionFailed("\(error)"))
        }
    }

    /// - Parameter next: what runs from now on: the delegate may abort it from within.
    private func finish(_ result: TransactionResult, next: ClientTransaction? = nil) {
        outgoing = Outgoing()
        guard let transaction = current else { return }
        current = next
        delegate?.finished(self, transaction, result: result)
    }

    func write(_ bytes: ByteBuffer) {
        context?.write(wrapOutboundOut(bytes), promise: nil)
        needsFlush = true
    }

    private func close() {
        flush()
        context?.close(promise: nil)
    }

    /// Ends a session in which QUIT was answered: the connection counts until the server has closed it too, a second at most. Else the next
    /// connection could reach a server that limits them before it has seen this one go.
    private func part() {
        flush()
        guard let context else { return }
        let closed = context.eventLoop.makePromise(of: Void.self)
        context.close(mode: .output, promise: closed)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        closed.futureResult.whenFailure { _ in handler.value.close() }
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: farewell) { self.close() }
    }

    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    /// After events that do not come with a read: the deadline, and one flush for all that was written.
    func finishEvent() {
        updateDeadline()
        if !isReading { flush() }
    }

    /// A piece of the body could not be read.
    func contentFailed(_ cause: String) {
        perform(machine.contentFailed(cause))
        finishEvent()
    }

    private func reportClosed() {
        guard let delegate else { return }
        self.delegate = nil
        deadline = nil
        timer?.cancel()
        timer = nil
        let unfinished = ahead ?? waiting
        ahead = nil
        waiting = nil
        delegate.closed(
            self,
            reason: closeReason
                ?? ClientCloseReason(kind: .disconnected, stage: nil, text: "the connection was closed", wasIdle: true),
            unfinished: unfinished)
    }

    // MARK: Clock

    private func updateDeadline() {
        guard let context, let step = machine.expected else {
            deadline = nil
            return
        }
        let due = context.eventLoop.now + allowed[Int(step.rawValue)]
        deadline = due
        if timer == nil || due < timerFires { setTimer(due) }
    }

    private func setTimer(_ due: NIODeadline) {
        timer?.cancel()
        timerFires = due
        timer = context?.eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.timerFired() }
    }

    private func timerFired() {
        timer = nil
        guard let deadline, let now = context?.eventLoop.now else { return }
        if now < deadline {
            setTimer(deadline)
        } else {
            perform(machine.timedOut(partial: parser.excerpt))
            finishEvent()
        }
    }

    // MARK: Channel

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { connected() }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        gone()
        self.context = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        connected()
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        let buffer = unwrapInboundIn(data)
        buffer.withUnsafeReadableBytes { bytes in
            var rest = bytes
            while rest.count > 0, machine.state != .closed {
                let (used, outcome) = parser.consume(rest, quietClass: machine.quietClass)
                rest = UnsafeRawBufferPointer(rebasing: rest[used...])
                if parser.isLiberal { machine.doubt() }
                switch outcome {
                case nil: continue
                // CVE-2011-0411 the other way round: what came in clear behind the reply must not count as encrypted.
                case .reply where machine.state == .startTLS && rest.count > 0: perform(machine.garbled(.premature))
                case .reply where parser.isLiberal && machine.awaitsLastReply && !Self.mayFollow(rest):
                    perform(machine.garbled(.premature))
                case .reply(let reply):
                    isAnswered = true
                    perform(machine.received(reply))
                    isAnswered = false
                case .failure(let failure): perform(machine.garbled(failure, excerpt: parser.excerpt))
                }
                updateDeadline()
            }
        }
    }

    /// Whether these bytes may stand behind a reply although no command is open: none, or a 421, which a server may say at any time.
    ///
    /// Asked only of servers whose line ends are doubtful. A text with a bare LF in it is then two replies, and the second would be taken
    /// for the answer to the next command: a message would count as delivered because an address was echoed.
    private static func mayFollow(_ rest: UnsafeRawBufferPointer) -> Bool {
        rest.count == 0 || zip(rest, [0x34, 0x32, 0x31] as [UInt8]).allSatisfy { $0 == $1 }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        context.fireChannelReadComplete()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSEvent.established(let facts):
            delegate?.secured(self, facts)
            perform(machine.secured())
            finishEvent()
        case TLSEvent.failed(let failure):
            perform(machine.encryptionFailed(failure.text))
            finishEvent()
        // Within TLS the end of the session comes before that of the connection, or instead of it.
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump() }
        context.fireChannelWritabilityChanged()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What went wrong on the way is fatal to the session; `channelInactive` tells the delegate.
        let text = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
        transportError = "the connection broke (\(text))"
        context.close(promise: nil)
    }

    private func connected() {
        perform(machine.connected())
        finishEvent()
    }

    private func gone() {
        isReading = false
        perform(machine.disconnected(transportError, partial: parser.excerpt))
        deadline = nil
        reportClosed()
    }
}
