package import NIOCore
internal import Platform
internal import TLS

/// One SMTP session as the server sees it. *Loop-confined.*
///
/// Bytes in, bytes out: the driver (`ServerHandler`) hands in what it read together with the time, and takes `output`. In
/// between, input is cut into commands and content, the state machine is fed, and its actions are run. No input is looked
/// at while a verdict is awaited or while more output waits than should.
///
/// *Diagnostics.* What a client does wrong is answered, and reported by `rejected`. A delegate that answers twice is a bug
/// and traps in debug builds; elsewhere the second answer is ignored.
package final class ServerSession {
    /// What is known about the client.
    package internal(set) var facts: SessionFacts
    /// While a message is being streamed: its content before the first piece.
    package internal(set) var streamedHead: ByteBuffer?
    /// The envelope that the refusal being reported is about; for `rejected`.
    package var rejectedEnvelope: RejectedEnvelope { machine.rejected }
    /// True once the last reply was given, or the connection is gone.
    package var isClosed: Bool { machine.need == .nothing }

    let configuration: ServerConfiguration
    var delegate: (any ServerSessionDelegate)?
    weak var driver: (any SessionDriver)?
    var machine: StateMachine
    var reader: ContentReader

    /// Input not yet consumed.
    var input = ByteBuffer()
    /// Octets of `input` known not to hold the end of a line.
    var scanned = 0
    /// The command line that was read last, for the record of its refusal.
    var keptLine = ByteBuffer()
    /// The rest of an overlong command line is being dropped.
    var isDroppingLine = false
    /// Octets of the BDAT chunk that are still to come.
    var chunkRemaining = 0
    /// Octets handed to the delegate through `bodyChunk`.
    var streamedBytes = 0
    /// A piece was given to the delegate and the message is neither complete nor aborted.
    var isStreaming = false

    /// Octets of a message at which to see whether it can be streamed while memory is tight.
    var nextStreamCheck = 0

    /// Replies not yet sent.
    var output = ByteBuffer()
    /// Set with the last reply.
    private(set) var ending: Ending?

    /// How the connection is to be closed.
    struct Ending {
        /// The client may still be sending: closing at once would reset the connection and lose the reply.
        var lingering: Bool
    }

    /// Octets of output that the connection holds because the client does not take them.
    var unsent = 0
    /// What the budget was told that this session holds.
    private var counted = 0

    var clock = Deadlines()
    private var isAdvancing = false
    private var isOver = false
    private var pendingVerdict: Verdict?
    private var isAsking = false
    private var question: UInt64 = 0
    /// The answer to every small question: made once, so that a command costs no closure. Answers to `message` and
    /// `bodyChunk`, where a stray one would acknowledge the wrong mail, carry the number of their question.
    private var answer: ((Verdict) -> Void)?

    /// Output that waits to be sent before more input is looked at.
    static let outputLimit = 64 * 1024
    /// Input that may pile up while a verdict is awaited.
    static let readAheadLimit = 16 * 1024
    /// What a session costs that holds nothing.
    static let baseBytes = 4096
    /// What encryption adds to that.
    static let encryptedBytes = 24 * 1024
    /// Content scanned in one go, so that a piece of a streamed message stays small.
    static let scanLimit = 64 * 1024

    init(configuration: ServerConfiguration, facts: SessionFacts, delegate: any ServerSessionDelegate) {
        self.configuration = configuration
        self.facts = facts
        self.delegate = delegate
        machine = StateMachine(configuration: configuration)
        reader = ContentReader(
            maxSize: configuration.maxMessageSize, lineLimit: configuration.lineLengthHardLimit,
            endings: configuration.invalidLineEndings)
        clock = Deadlines(configuration)
    }

    // MARK: For the driver

    /// The connection is up.
    func begin(now: Int64) {
        clock.began(now)
        account()
        answer = { self.apply($0) }  // a cycle until `end`
        ask { delegate, answer in delegate.connected(self, reply: answer) }
        advance(now: now)
    }

    /// Bytes came in.
    func receive(_ bytes: ByteBuffer, now: Int64) {
        guard bytes.readableBytes > 0, !isClosed else { return }
        clock.heard(now)
        if machine.isConnecting, pendingVerdict == nil {
            run(machine.earlyTalk())
            return
        }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            if input.readerIndex > input.readableBytes { input.discardReadBytes() }
            var bytes = bytes
            input.writeBuffer(&bytes)
        }
        advance(now: now)
        if input.readableBytes > configuration.maxBufferedInput { run(machine.flooded()) }
    }

    /// Does all that can be done without further input, verdict or room for output.
    func advance(now: Int64) {
        guard !isAdvancing else { return }
        isAdvancing = true
        clock.now = now
        while step() {}
        isAdvancing = false
        if input.readableBytes == 0 { input = ByteBuffer() }  // an idle session holds no buffer
        if keptLine.capacity > 512, machine.need == .command, !isDroppingLine { keptLine = ByteBuffer() }
        account()
    }

    /// Tells the budget what is held. A change of less than a page is not worth an atomic operation on a line all cores share.
    private func account() {
        guard let budget = configuration.budget, !isOver else { return }
        let held =
            Self.baseBytes + input.storageCapacity + reader.content.storageCapacity + (streamedHead?.storageCapacity ?? 0)
            + output.storageCapacity + unsent + machine.envelopeBytes + (facts.tls == nil ? 0 : Self.encryptedBytes)
        guard abs(held - counted) >= 4096 else { return }
        budget.change(by: held - counted)
        counted = held
    }

    /// The delegate has kept what it needs of `streamedHead`; `transaction.data` will be empty.
    package func releaseStreamedHead() {
        if streamedHead != nil { streamedHead = ByteBuffer() }
    }

    /// Stops the session after the message in flight, if any.
    func shutdown(now: Int64) {
        clock.now = now
        run(machine.shutdown())
    }

    /// The session is encrypted from now on, or was from its first byte.
    func secured(_ tls: TLSFacts, now: Int64) {
        guard !isClosed else { return }
        facts.tls = tls
        facts.ehlo = nil
        facts.isESMTP = false
        machine.secured()
        guard answer != nil else { return }  // it has not begun
        clock.heard(now)
        delegate?.secured(self)
    }

    /// The session could not be encrypted. The connection is closed right after this.
    func encryptionFailed(_ failure: TLSFailure) { delegate?.encryptionFailed(self, failure) }

    /// A deadline has passed.
    func expire(_ deadline: SessionDeadline, now: Int64) {
        clock.now = now
        run(machine.expired(deadline))
    }

    /// The connection is gone. The last call.
    func end() {
        guard !isOver else { return }
        isOver = true
        configuration.budget?.change(by: -counted)
        counted = 0
        machine.disconnected()
        abandonStream()
        pendingVerdict = nil
        input = ByteBuffer()
        reader.end()
        if answer != nil { delegate?.closed(self) }
        answer = nil
        delegate = nil
    }

    /// True when reading from the client makes sense: while the banner is out (to catch early talkers), while input is
    /// consumed, and while the peer's close is awaited.
    var wantsInput: Bool {
        switch machine.need {
        case .command, .content: output.readableBytes < Self.outputLimit
        // While a verdict is awaited a little is still read: withdrawing the socket's interest and renewing it costs two system
        // calls per message, and a client that waits for its reply sends nothing anyway.
        case .verdict: machine.isConnecting || input.readableBytes < Self.readAheadLimit
        case .handshake, .nothing: true
        }
    }

    // MARK: Steps

    private func step() -> Bool {
        if let verdict = pendingVerdict {
            pendingVerdict = nil
            clock.answered()
            run(machine.verdict(verdict))
            return true
        }
        guard output.readableBytes < Self.outputLimit else { return false }
        switch machine.need {
        case .verdict, .handshake, .nothing: return false
        case .content: return readContent()
        case .command:
            if machine.isStopping {
                let action = machine.shutdown()
                guard case .none = action else {
                    run(action)
                    return true
                }
            }
            return readCommand()
        }
    }

    /// Runs one action of the machine.
    func run(_ action: consuming StateMachine.Action) {
        switch action {
        case .none: break
        case .answer(let reply): output.writeReply(reply)
        case .compose(let reply): reply.encode(into: &output)
        case .refuse(let reply, let command): refuse(reply, command)
        case .finish(let reply, let command, let lingering):
            if let command { refuse(reply, command) } else { reply.encode(into: &output) }
            ending = Ending(lingering: lingering)
            clock.closed()
            input = ByteBuffer()
            pendingVerdict = nil
        case .startTLS:
            // What is read together with the command was sent in clear.
            guard input.readableBytes == 0 else { return run(machine.injected()) }
            output.writeReply(.readyForTLS)
            driver?.sessionStartsTLS()
        case .askHello(let domain, let extended):
            pendingHello = (domain, extended)
            abandonStream()
            ask { delegate, answer in delegate.hello(self, domain: domain, extended: extended, reply: answer) }
        case .askMail(let sender, let parameters):
            ask { delegate, answer in delegate.mail(self, sender: sender, parameters: parameters, reply: answer) }
        case .askRecipient(let recipient):
            ask { delegate, answer in delegate.recipient(self, recipient: recipient, reply: answer) }
        case .startData:
            output.writeReply(.sendBody)
            beginContent()
        case .startChunk(let octets, let isFirst):
            if isFirst { beginContent() }
            chunkRemaining = octets
        case .skipChunk(let octets):
            chunkRemaining = octets
            clock.contentBegan()
        case .askPiece: askPiece()
        case .askMessage: askMessage()
        case .discard(let reply):
            reader.refuse(reply)
            abandonStream()
        }
        cleanUp()
    }

    /// The name a client gave, until the delegate has accepted it.
    private var pendingHello: (domain: String, extended: Bool)?

    /// Cleans up after a message that will not be completed.
    private func cleanUp() {
        guard !machine.isReceiving else { return }
        abandonStream()
        if clock.isReceivingContent, machine.need != .content {
            reader.end()
            clock.contentEnded()
        }
    }

    private func refuse(_ reply: Reply, _ command: String) {
        reply.encode(into: &output)
        // 421 4.3.2 is load shedding, and a wish of ours rather than a fault of the client.
        guard reply.code != 421 || reply.enhanced != EnhancedStatus(4, 3, 2) else { return }
        delegate?.rejected(self, command: command == StateMachine.connect ? command : lineText, reply: reply)
    }

    private func beginContent() {
        reader.begin(expecting: configuration.budget?.isTight == true ? nil : machine.announcedSize)
        nextStreamCheck = configuration.tightThreshold
        streamedHead = nil
        streamedBytes = 0
        clock.contentBegan()
    }

    func abandonStream() {
        streamedHead = nil
        guard isStreaming else { return }
        isStreaming = false
        delegate?.aborted(self)
    }

    // MARK: Questions

    private func ask(_ put: (any ServerSessionDelegate, @escaping (Verdict) -> Void) -> Void) {
        guard let delegate, let answer else { return }
        expectAnswer()
        put(delegate, answer)
    }

    private func askPiece() {
        let number = expectAnswer()
        let piece = reader.take()
        streamedBytes += piece.readableBytes
        isStreaming = true
        delegate?.bodyChunk(self, chunk: piece) { self.apply($0, for: number) }
    }

    private func askMessage() {
        let number = expectAnswer()
        let envelope = machine.envelope
        let data: ByteBuffer
        if let head = streamedHead {
            data = head
        } else {
            data = reader.take()
        }
        let transaction = ReceivedTransaction(
            sender: envelope.sender, recipients: envelope.recipients, parameters: envelope.parameters, data: data,
            streamedBytes: streamedBytes, is8bit: reader.is8bit, receivedAt: WallInstant.now().unixNanoseconds)
        isStreaming = false
        streamedHead = nil
        delegate?.message(self, transaction: transaction) { self.apply($0, for: number) }
    }

    @discardableResult
    private func expectAnswer() -> UInt64 {
        question &+= 1
        isAsking = true
        clock.asked()
        return question
    }

    private func apply(_ verdict: Verdict, for number: UInt64) {
        guard number == question else {
            assert(isClosed, "a question was answered twice")
            return
        }
        apply(verdict)
    }

    private func apply(_ verdict: Verdict) {
        guard !isClosed else { return }
        guard isAsking else {
            assertionFailure("a question was answered twice")
            return
        }
        isAsking = false
        if let (domain, extended) = pendingHello {
            pendingHello = nil
            if case .accept = verdict {
                facts.ehlo = domain
                facts.isESMTP = extended
            }
        }
        pendingVerdict = verdict
        if !isAdvancing { driver?.sessionMayAdvance() }
    }
}
