import Message

extension ServerSession {
    /// The order of things in one SMTP session. *State machine*: no I/O, no clock, no bytes. Events go in, actions come out.
    ///
    /// One event is fed at a time, and only an event the machine asked for through `need` (deadlines and `shutdown` may
    /// come whenever they like). An event out of place is a bug of the session, and traps.
    struct StateMachine: ~Copyable {
        /// How content is being transferred.
        enum Transfer: Equatable {
            case data
            case chunk(isLast: Bool)
        }

        private enum State {
            /// The delegate decides about the connection; the banner has not been sent.
            case connecting
            /// Banner sent, no HELO yet.
            case greeted
            /// The delegate decides about HELO or EHLO.
            case awaitingHello(domain: String, extended: Bool)
            /// STARTTLS accepted, the handshake is under way.
            case securing
            /// HELO done, no transaction.
            case idle
            /// The delegate decides about MAIL.
            case awaitingMail(EnvelopeAddress, MailParameters)
            /// MAIL accepted, perhaps recipients.
            case envelope
            /// The delegate decides about RCPT.
            case awaitingRecipient(EnvelopeAddress)
            /// Content arrives.
            case receiving(Transfer)
            /// The delegate takes a piece of the content; `atEnd` when the transfer has no further octets.
            case awaitingPiece(Transfer, atEnd: Bool)
            /// A BDAT chunk is complete, the last one is not.
            case betweenChunks
            /// The octets of a refused BDAT are swallowed.
            case skippingChunk(FixedReply, then: Resumption)
            /// The delegate decides about the message.
            case awaitingMessage
            /// The last reply has been given; input is dropped.
            case closed
        }

        private enum Resumption {
            case base
            case envelope
        }

        /// What the session has to do now.
        enum Action {
            case none
            /// Send a reply, go on.
            case answer(FixedReply)
            /// Send a reply, go on.
            case compose(Reply)
            /// Send a negative reply, log it with the line of the command (or the name of the step, when no line led to it), go on.
            case refuse(Reply, command: String)
            /// Send the last reply and close; log it if a command is given. `lingering` when the client may still be sending.
            case finish(Reply, command: String?, lingering: Bool)
            /// Send 220 and start TLS.
            case startTLS
            case askHello(domain: String, extended: Bool)
            case askMail(EnvelopeAddress, MailParameters)
            case askRecipient(EnvelopeAddress)
            /// Send 354 and read content.
            case startData
            case startChunk(octets: Int, isFirst: Bool)
            case skipChunk(octets: Int)
            case askPiece
            case askMessage
            /// Swallow the rest of the content, then send the reply.
            case discard(Reply)
        }

        private let configuration: ServerConfiguration
        private var state = State.connecting
        private var hasHello = false
        private var isSecure = false
        private var sender = EnvelopeAddress.null
        private var recipients: [EnvelopeAddress] = []
        private var parameters = MailParameters()
        private var messages = 0
        private var faults = 0
        private var idleCommands = 0
        private(set) var isStopping = false
        /// The envelope that the last refused step was about; for the Rejection log.
        private(set) var rejected = RejectedEnvelope()

        init(configuration: ServerConfiguration) { self.configuration = configuration }

        /// What the machine waits for.
        var need: SessionNeed {
            switch state {
            case .greeted, .idle, .envelope, .betweenChunks: .command
            case .receiving, .skippingChunk: .content
            case .securing: .handshake
            case .connecting, .awaitingHello, .awaitingMail, .awaitingRecipient, .awaitingPiece, .awaitingMessage: .verdict
            case .closed: .nothing
            }
        }

        /// True before the banner.
        var isConnecting: Bool {
            if case .connecting = state { true } else { false }
        }

        /// True from the first octet of a message until it is complete or dropped.
        var isReceiving: Bool {
            switch state {
            case .receiving, .awaitingPiece, .betweenChunks: true
            case .connecting, .greeted, .securing, .awaitingHello, .idle, .awaitingMail, .envelope, .awaitingRecipient, .skippingChunk,
                .awaitingMessage, .closed:
                false
            }
        }

        /// How the content at hand is transferred; nil when its octets are to be swallowed.
        var transfer: Transfer? {
            switch state {
            case .receiving(let transfer), .awaitingPiece(let transfer, _): transfer
            case .connecting, .greeted, .securing, .awaitingHello, .idle, .awaitingMail, .envelope, .awaitingRecipient, .betweenChunks,
                .skippingChunk, .awaitingMessage, .closed:
                nil
            }
        }

        /// Name of the step that no command line leads to.
        static let connect = "CONNECT"

        /// Name of the step for logs.
        var stepName: String {
            switch state {
            case .connecting: Self.connect
            case .awaitingHello(let domain, let extended): (extended ? "EHLO " : "HELO ") + domain
            case .awaitingMail(let address, _): "MAIL FROM:<\(address.text)>"
            case .awaitingRecipient(let address): "RCPT TO:<\(address.text)>"
            case .receiving(.data), .awaitingPiece(.data, _), .awaitingMessage: "DATA"
            case .receiving(.chunk), .awaitingPiece(.chunk, _), .betweenChunks, .skippingChunk: "BDAT"
            case .securing: "STARTTLS"
            case .greeted, .idle, .envelope, .closed: ""
            }
        }

        /// The SIZE= of the transaction.
        var announcedSize: Int? { parameters.size }

        /// The envelope, for `askMessage`. It is kept until the verdict: a refusal names it.
        var envelope: (sender: EnvelopeAddress, recipients: [EnvelopeAddress], parameters: MailParameters) {
            (sender, recipients, parameters)
        }

        /// The envelope as far as it is known at this step.
        private var envelopeAtHand: RejectedEnvelope {
            switch state {
            case .awaitingMail(let address, _): RejectedEnvelope(sender: address)
            case .awaitingRecipient(let address): RejectedEnvelope(sender: sender, recipients: [address])
            case .envelope, .receiving, .awaitingPiece, .betweenChunks, .awaitingMessage:
                RejectedEnvelope(sender: sender, recipients: recipients)
            case .skippingChunk(_, .envelope): RejectedEnvelope(sender: sender)
            case .skippingChunk(_, .base), .connecting, .greeted, .securing, .awaitingHello, .idle, .closed: RejectedEnvelope()
            }
        }

        /// About what the envelope takes in memory.
        private(set) var envelopeBytes = 0

        // MARK: Events

        /// The delegate has decided.
        mutating func verdict(_ verdict: Verdict) -> Action {
            let reply: Reply?
            switch verdict {
            case .accept(let given): reply = given
            case .disconnect(let given): return close(given, command: stepName)
            case .reject(let given):
                if given.code == 421 { return close(given, command: stepName) }
                return rejected(given)
            }
            switch state {
            case .connecting:
                state = .greeted
                return .compose(reply ?? Reply(220, nil, "\(configuration.hostname) \(configuration.banner)"))
            case .awaitingHello(let domain, let extended):
                hasHello = true
                state = .idle
                if let reply { return .compose(reply) }
                guard extended else { return .compose(Reply(250, nil, "Hello \(domain)!")) }
                let first = "\(configuration.hostname) Aloha \(domain)"
                return .compose(Reply(code: 250, lines: [first] + configuration.extensions(isSecure: isSecure)))
            case .awaitingMail(let address, let given):
                sender = address
                parameters = given
                state = .envelope
                return reply.map(Action.compose) ?? .answer(.ok)
            case .awaitingRecipient(let address):
                recipients.append(address)
                envelopeBytes += address.localPart.utf8.count + address.domain.utf8.count + 96
                state = .envelope
                return reply.map(Action.compose) ?? .answer(.ok)
            case .awaitingPiece(let transfer, let atEnd):
                state = .receiving(transfer)
                return atEnd ? contentEnded(nil) : .none
            case .awaitingMessage:
                messages += 1
                faults = 0
                idleCommands = 0
                toBase()
                return reply.map(Action.compose) ?? .answer(.ok)
            case .greeted, .securing, .idle, .envelope, .receiving, .betweenChunks, .skippingChunk, .closed:
                preconditionFailure("a verdict that nobody asked for")
            }
        }

        private mutating func rejected(_ reply: Reply) -> Action {
            let command = stepName
            rejected = envelopeAtHand
            switch state {
            case .connecting:
                return close(reply, command: command)
            case .awaitingHello, .awaitingMail:
                toBase()
                return .refuse(reply, command: command)
            case .awaitingRecipient:
                state = .envelope
                return .refuse(reply, command: command)
            case .awaitingPiece(let transfer, let atEnd):
                state = .receiving(transfer)
                return atEnd ? contentEnded(.refused(reply)) : .discard(reply)
            case .awaitingMessage:
                toBase()
                return .refuse(reply, command: command)
            case .greeted, .securing, .idle, .envelope, .receiving, .betweenChunks, .skippingChunk, .closed:
                preconditionFailure("a verdict that nobody asked for")
            }
        }

        /// A command has been read.
        mutating func command(_ command: Command) -> Action {
            switch state {
            case .greeted, .idle, .envelope, .betweenChunks: break
            case .connecting, .securing, .awaitingHello, .awaitingMail, .awaitingRecipient, .receiving, .awaitingPiece, .skippingChunk,
                .awaitingMessage, .closed:
                preconditionFailure("a command that nobody asked for")
            }
            switch command {
            case .helo(let domain): return hello(domain, extended: false)
            case .ehlo(let domain): return hello(domain, extended: true)
            case .mail(let address, let parameters): return mail(address, parameters)
            case .recipient(let address): return recipient(address)
            case .data: return data()
            case .bdat(let octets, let isLast): return chunk(octets, isLast: isLast)
            case .rset:
                toBase()
                return idleCommand(.reset, command.verb)
            case .noop: return idleCommand(.noop, command.verb)
            case .help: return idleCommand(.help, command.verb)
            case .verify: return idleCommand(.unverified, command.verb)
            case .quit:
                state = .closed
                return .finish(FixedReply.goodbye.reply, command: nil, lingering: false)
            case .expand: return fault(.notSupported, command: command.verb)
            case .startTLS: return startTLS()
            case .auth:
                // RFC 4954, 4: within a transaction it is out of sequence even where it is offered.
                return fault(isInTransaction ? .mailOpen : .notOffered, command: command.verb)
            case .xclient: return fault(isInTransaction ? .mailOpen : .unauthorized, command: command.verb)
            }
        }

        /// A line that is no command; `step` is its first word, as far as it is a verb.
        mutating func malformed(_ reply: FixedReply, isFatal: Bool, step: String) -> Action {
            if isFatal { return close(reply.reply, command: step) }
            // Recipients accepted before are not what a faulty RCPT is about.
            let about = step == "RCPT" ? RejectedEnvelope(sender: isInTransaction ? sender : nil) : envelopeAtHand
            return fault(reply, command: step, about: about)
        }

        /// The content reader holds a piece for the delegate.
        mutating func pieceReady(atEnd: Bool) -> Action {
            guard case .receiving(let transfer) = state else { preconditionFailure("a piece of no message") }
            state = .awaitingPiece(transfer, atEnd: atEnd)
            return .askPiece
        }

        /// The end of DATA, or the last octet of a chunk, has been read.
        mutating func contentEnded(_ fault: ContentFault?) -> Action {
            switch state {
            case .receiving(let transfer):
                let command = stepName
                if let fault {
                    rejected = envelopeAtHand
                    toBase()
                    let reply = fault.reply
                    return reply.code == 421 ? close(reply, command: command, about: rejected) : .refuse(reply, command: command)
                }
                switch transfer {
                case .data, .chunk(isLast: true):
                    state = .awaitingMessage
                    return .askMessage
                case .chunk(isLast: false):
                    state = .betweenChunks
                    return .answer(.ok)
                }
            case .skippingChunk(let reply, let then):
                switch then {
                case .base: toBase()
                case .envelope: state = .envelope
                }
                return self.fault(reply, command: "BDAT")
            case .connecting, .greeted, .securing, .awaitingHello, .idle, .awaitingMail, .envelope, .awaitingRecipient, .awaitingPiece,
                .betweenChunks, .awaitingMessage, .closed:
                preconditionFailure("the end of no content")
            }
        }

        /// The client spoke before the banner, as only spam robots do. RFC 5321, 4.3.1.
        mutating func earlyTalk() -> Action {
            close(Reply(554, EnhancedStatus(5, 5, 1), "\(configuration.hostname) wait for the banner"), command: Self.connect)
        }

        /// Commands came behind STARTTLS, in clear: they would be obeyed as if they had come encrypted (CVE-2011-0411).
        mutating func injected() -> Action {
            close(Reply(554, EnhancedStatus(5, 5, 1), "\(configuration.hostname) nothing may follow STARTTLS"), command: "STARTTLS")
        }

        /// The session is encrypted. RFC 3207, 4.2: what was said before is forgotten.
        mutating func secured() {
            isSecure = true
            switch state {
            case .connecting: break  // from the first byte
            case .securing:
                dropEnvelope()
                hasHello = false
                state = .greeted
            case .closed: break
            case .greeted, .awaitingHello, .idle, .awaitingMail, .envelope, .awaitingRecipient, .receiving, .awaitingPiece, .betweenChunks,
                .skippingChunk, .awaitingMessage:
                preconditionFailure("a handshake that nobody asked for")
            }
        }

        /// More input is waiting than may be held.
        mutating func flooded() -> Action { close(unavailable("too much pipelined input"), command: nil) }

        /// Time is up.
        mutating func expired(_ deadline: SessionDeadline) -> Action {
            let status = EnhancedStatus(4, 4, 5)
            switch deadline {
            case .silence: return close(unavailable("idle too long"), command: nil)
            case .command: return close(unavailable("command took too long"), command: nil)
            case .content:
                return close(Reply(451, status, "\(configuration.hostname) message data took too long"), command: stepName)
            case .verdict: return close(Reply(451, status, "data_processing_timeout exceeded"), command: stepName)
            }
        }

        /// The server stops. A message in flight is finished first; `isStopping` stays set and the session asks again.
        mutating func shutdown() -> Action {
            isStopping = true
            switch state {
            case .connecting, .greeted, .securing, .idle, .envelope:
                state = .closed
                dropEnvelope()
                return .finish(unavailable("shutting down"), command: nil, lingering: false)
            case .awaitingHello, .awaitingMail, .awaitingRecipient, .receiving, .awaitingPiece, .betweenChunks, .skippingChunk,
                .awaitingMessage, .closed:
                return .none
            }
        }

        /// The connection is gone.
        mutating func disconnected() {
            state = .closed
            dropEnvelope()
        }

        // MARK: Commands

        private mutating func hello(_ domain: String, extended: Bool) -> Action {
            dropEnvelope()
            idleCommands += 1
            guard idleCommands <= configuration.maxIdleCommands else {
                toBase()
                return fault(.tooManyIdle, command: extended ? "EHLO" : "HELO")
            }
            state = .awaitingHello(domain: domain, extended: extended)
            return .askHello(domain: domain, extended: extended)
        }

        private mutating func startTLS() -> Action {
            // RFC 3207, 4: within a transaction it is out of sequence.
            if isInTransaction { return fault(.mailOpen, command: "STARTTLS") }
            guard configuration.offersTLS else { return fault(.notOffered, command: "STARTTLS") }
            if isSecure { return fault(.alreadySecure, command: "STARTTLS") }
            state = .securing
            return .startTLS
        }

        private mutating func mail(_ address: EnvelopeAddress, _ parameters: MailParameters) -> Action {
            let about = RejectedEnvelope(sender: address)
            guard hasHello else { return fault(.helloFirst, command: "MAIL", about: about) }
            if case .betweenChunks = state { return fault(.chunksOpen, command: "MAIL", about: about) }
            guard !isInTransaction else { return fault(.nestedMail, command: "MAIL", about: about) }
            guard messages < configuration.maxMessagesPerConnection else {
                return close(unavailable("too many messages in this session"), command: nil)
            }
            if let size = parameters.size, size > configuration.maxMessageSize {
                rejected = about
                return .refuse(FixedReply.tooBig.reply, command: "MAIL")
            }
            state = .awaitingMail(address, parameters)
            return .askMail(address, parameters)
        }

        private mutating func recipient(_ address: EnvelopeAddress) -> Action {
            if case .betweenChunks = state { return refuse(.chunksOpen, to: address) }
            guard isInTransaction else { return refuse(.mailFirst, to: address) }
            guard !address.needsSMTPUTF8 || parameters.smtpUTF8 else { return refuse(.needsUTF8, to: address) }
            guard recipients.count < configuration.maxRecipientsPerMessage else {
                rejected = RejectedEnvelope(sender: sender, recipients: [address])
                return .refuse(FixedReply.tooManyRecipients.reply, command: "RCPT")
            }
            state = .awaitingRecipient(address)
            return .askRecipient(address)
        }

        private mutating func refuse(_ reply: FixedReply, to recipient: EnvelopeAddress) -> Action {
            fault(reply, command: "RCPT", about: RejectedEnvelope(sender: isInTransaction ? sender : nil, recipients: [recipient]))
        }

        private mutating func data() -> Action {
            if case .betweenChunks = state { return fault(.chunksOpen, command: "DATA") }
            guard isInTransaction else { return fault(.mailFirst, command: "DATA") }
            guard !recipients.isEmpty else { return fault(.recipientFirst, command: "DATA") }
            state = .receiving(.data)
            return .startData
        }

        private mutating func chunk(_ octets: Int, isLast: Bool) -> Action {
            if case .betweenChunks = state {
                state = .receiving(.chunk(isLast: isLast))
                return .startChunk(octets: octets, isFirst: false)
            }
            // The octets follow whether the command is welcome or not: RFC 3030, 4.2.
            guard isInTransaction else {
                state = .skippingChunk(.mailFirst, then: .base)
                return .skipChunk(octets: octets)
            }
            guard !recipients.isEmpty else {
                state = .skippingChunk(.recipientFirst, then: .envelope)
                return .skipChunk(octets: octets)
            }
            state = .receiving(.chunk(isLast: isLast))
            return .startChunk(octets: octets, isFirst: true)
        }

        // MARK: Parts

        private var isInTransaction: Bool {
            switch state {
            case .envelope, .awaitingRecipient, .receiving, .awaitingPiece, .betweenChunks: true
            case .connecting, .greeted, .securing, .awaitingHello, .idle, .awaitingMail, .skippingChunk, .awaitingMessage, .closed: false
            }
        }

        private mutating func dropEnvelope() {
            sender = .null
            recipients = []
            envelopeBytes = 0
            parameters = MailParameters()
        }

        /// Back to where a transaction may start.
        private mutating func toBase() {
            dropEnvelope()
            state = hasHello ? .idle : .greeted
        }

        private mutating func idleCommand(_ reply: FixedReply, _ verb: String) -> Action {
            idleCommands += 1
            guard idleCommands <= configuration.maxIdleCommands else { return fault(.tooManyIdle, command: verb) }
            return .answer(reply)
        }

        private mutating func fault(_ reply: FixedReply, command: String, about: RejectedEnvelope? = nil) -> Action {
            faults += 1
            guard faults < configuration.maxErrors else {
                return close(
                    Reply(421, EnhancedStatus(4, 7, 0), "\(configuration.hostname) too many errors"), command: command, about: about)
            }
            rejected = about ?? envelopeAtHand
            return .refuse(reply.reply, command: command)
        }

        private mutating func close(_ reply: Reply, command: String?, about: RejectedEnvelope? = nil) -> Action {
            rejected = about ?? envelopeAtHand
            state = .closed
            dropEnvelope()
            return .finish(reply, command: command, lingering: true)
        }

        private func unavailable(_ text: String) -> Reply {
            Reply(421, EnhancedStatus(4, 3, 2), "\(configuration.hostname) \(text)")
        }
    }
}
