extension ClientSession {
    /// The client's side of one SMTP or LMTP connection (RFC 5321, 2033, 2920, 3030).
    ///
    /// *State machine*, pure and synchronous: replies, wishes and accidents go in, actions come out. It holds no bytes of messages and
    /// reads no clock; `expected` says which deadline runs. Every event method lists every state.
    ///
    /// *Diagnostics*: nothing is retried or logged here. A server that breaks the protocol ends the connection and the transaction is
    /// reported as a transport failure, which is transient; a bug in the handler (beginning while busy) traps.
    struct StateMachine: ~Copyable {
        /// Each state is named by the reply it waits for.
        enum State: Equatable {
            case initial
            case banner, ehlo, helo, lhlo
            case startTLS
            /// The TLS handshake; no reply is due.
            case handshake
            case idle
            case rset, mail
            case rcpt(Int)
            case data
            /// The content is being written after 354; no reply is due.
            case content
            case dot, bdat
            /// The reply to a dot that ends an empty message.
            case loneDot
            case quit, closed
        }

        private let configuration: ClientConfiguration
        private(set) var state = State.initial
        private(set) var capabilities = Capabilities()
        private var transactions = 0
        /// The 5xx that EHLO was answered with; HELO may get no answer of its own.
        private var ehloRefusal: RawReply?
        /// Everything is encrypted.
        private var isSecure = false
        private var mustReset = false
        private var wantsQuit = false
        /// The transaction whose envelope stands behind the content of the running one; only in `.dot`.
        private var ahead: Envelope?
        /// The server's line ends are doubtful: no command is sent ahead any more, and replies that do not fit decide about nobody.
        private var isDoubtful = false

        // The running transaction.
        private var recipients = 0
        private var plan = ContentPlan.dataAfter
        private var isPipelined = false
        private(set) var isContentSent = false
        private var resetRefusal: RawReply?
        private var mailRefusal: RawReply?
        private var refusals: [(index: Int, reply: RawReply)] = []
        private var finals: [RawReply] = []

        init(configuration: ClientConfiguration) { self.configuration = configuration }

        /// Whose deadline runs; nil when nothing is awaited.
        var expected: ClientCommand? {
            switch state {
            case .initial, .idle, .closed: nil
            case .banner: .banner
            case .ehlo: .ehlo
            case .helo: .helo
            case .lhlo: .lhlo
            case .startTLS, .handshake: .startTLS
            case .rset: .rset
            case .mail: .mail
            case .rcpt: .rcpt
            case .data: .data
            case .content: .content
            case .dot, .loneDot: .dot
            case .bdat: isContentSent ? .bdat : .content
            case .quit: .quit
            }
        }

        /// The class of replies (their first digit) that say nothing new in this state, so that their lines are not kept; 0 for none.
        var quietClass: Int {
            switch state {
            case .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .content, .dot, .bdat: 0
            case .initial, .rset, .mail, .rcpt, .loneDot, .quit, .closed: 2
            case .data: 3
            }
        }

        /// Whether the reply that is awaited answers the last command that was sent: nothing may follow it before the next command.
        var awaitsLastReply: Bool {
            switch state {
            case .banner, .ehlo, .helo, .lhlo, .startTLS, .data, .loneDot: true
            case .rset, .mail: !isPipelined
            case .rcpt(let index):
                switch plan {
                case .dataInBatch, .bdatInBatch: false
                case .dataAfter, .bdatAfter: !isPipelined || index + 1 == recipients
                }
            case .dot, .bdat: ahead == nil && (!configuration.useLMTP || finals.count + 1 >= recipients - refusals.count)
            case .initial, .handshake, .idle, .content, .quit, .closed: false
            }
        }

        /// Whether content is on its way and not yet complete.
        var isSendingContent: Bool {
            switch state {
            case .content: true
            case .bdat: !isContentSent
            case .initial, .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .rset, .mail, .rcpt, .data, .dot, .loneDot, .quit,
                .closed:
                false
            }
        }

        // MARK: Events

        /// The transport is connected: the server speaks first.
        mutating func connected() -> Action {
            switch state {
            case .initial: state = .banner
            case .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .rset, .mail, .rcpt, .data, .content, .dot, .bdat, .loneDot,
                .quit, .closed:
                break
            }
            return .none
        }

        /// Starts a transaction; only when idle.
        mutating func begin(_ outline: Outline) -> Action {
            precondition(state == .idle, "a transaction was begun while another runs")
            if let refusal = localRefusal(outline) {
                let outcome = RecipientOutcome(raw: refusal, command: .mail, origin: .local)
                return .finish(
                    TransactionResult(perRecipient: Array(repeating: outcome, count: outline.recipients), sessionUsable: true))
            }
            isPipelined = configuration.enablePipelining && capabilities.offers(.pipelining) && !isDoubtful
            // LMTP over BDAT is left alone: RFC 2033 does not say how many replies follow when nobody was accepted.
            let chunks = configuration.enableChunking && capabilities.offers(.chunking) && !configuration.useLMTP
            switch (chunks, isPipelined) {
            case (true, true):
                plan = outline.isInline && outline.size <= ClientSession.bdatInBatchLimit ? .bdatInBatch : .bdatAfter
            case (true, false): plan = .bdatAfter
            case (false, true): plan = .dataInBatch
            case (false, false): plan = .dataAfter
            }
            let resets = mustReset || (configuration.enableRSET && transactions > 0)
            mustReset = false
            start(Envelope(recipients: outline.recipients, resets: resets))
            guard isPipelined else { return .send(resets ? Batch(rset: true) : Batch(mail: true)) }
            return .send(
                Batch(
                    rset: resets, mail: true, recipients: 0..<recipients, data: plan == .dataInBatch, bdat: plan == .bdatInBatch))
        }

        /// Whether the envelope of another transaction may leave behind the final dot (RFC 2920 3.1).
        var mayLookAhead: Bool {
            switch state {
            // In LMTP the number of replies to the dot is only known now, and BDAT has its own way to save round trips.
            case .dot: plan == .dataInBatch && !configuration.useLMTP && !wantsQuit && ahead == nil && !isDoubtful
            case .initial, .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .rset, .mail, .rcpt, .data, .content, .bdat,
                .loneDot, .quit, .closed:
                false
            }
        }

        /// Takes the transaction that runs after the present one; only after `mayLookAhead`.
        /// - Returns: what to write behind the final dot; nil if it must not be sent, then `begin` refuses it when its turn comes.
        mutating func lookAhead(_ outline: Outline) -> Batch? {
            precondition(state == .dot && ahead == nil, "no transaction can be looked ahead now")
            if localRefusal(outline) != nil { return nil }
            // The final dot clears the server's buffers, whatever it answers (RFC 5321 4.1.1.4), so RSET is a matter of taste here.
            let envelope = Envelope(recipients: outline.recipients, resets: configuration.enableRSET)
            ahead = envelope
            return Batch(rset: envelope.resets, mail: true, recipients: 0..<envelope.recipients, data: true)
        }

        /// A complete reply of the server.
        mutating func received(_ reply: RawReply) -> Action {
            switch state {
            case .initial, .closed: return .none
            case .quit: return fail(.quit, nil, "")
            case .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .rset, .mail, .rcpt, .data, .content, .dot, .bdat, .loneDot:
                if reply.isServiceClosing { return fail(.serviceClosing, reply, "the server closes the connection") }
            }
            switch state {
            case .initial, .closed, .quit: return .none
            case .banner: return greeted(reply)
            case .ehlo, .helo, .lhlo: return helloAnswered(reply)
            case .startTLS: return startAnswered(reply)
            case .handshake: return fail(.protocolError, reply, "a reply nobody asked for")
            case .idle: return fail(.protocolError, reply, "a reply nobody asked for")
            case .rset: return resetAnswered(reply)
            case .mail: return mailAnswered(reply)
            case .rcpt(let index): return recipientAnswered(index, reply)
            case .data: return dataAnswered(reply)
            case .content: return answeredTooEarly(.content, reply)
            case .bdat: return isContentSent ? finalAnswered(.bdat, reply) : answeredTooEarly(.bdat, reply)
            case .dot: return finalAnswered(.dot, reply)
            case .loneDot: return finish(nil, .dot, mustReset: true)
            }
        }

        /// All content, with its end mark, was given to the transport.
        mutating func contentSent() {
            switch state {
            case .content:
                isContentSent = true
                state = .dot
            case .rset, .mail, .rcpt, .bdat: isContentSent = true
            case .initial, .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .data, .dot, .loneDot, .quit, .closed: break
            }
        }

        /// The owner wants the session to end after what is in flight.
        mutating func quit() -> Action {
            switch state {
            case .initial, .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake: return fail(.quit, nil, "")
            case .idle:
                state = .quit
                return .sendQuit
            case .rset, .mail, .rcpt, .data, .content, .dot, .bdat, .loneDot:
                wantsQuit = true
                return .none
            case .quit, .closed: return .none
            }
        }

        /// The owner wants the connection gone at once.
        mutating func abort() -> Action { fail(.aborted, nil, "the connection was given up") }

        /// The deadline of `expected` has passed.
        /// - Parameter partial: the beginning of a reply that was not complete, printable.
        mutating func timedOut(partial: String? = nil) -> Action {
            switch state {
            case .initial, .idle, .closed: return .none
            case .quit: return fail(.quit, nil, "")
            // The clock of the handler may come first, or that of the handshake under it: the same has happened.
            case .startTLS, .handshake: return fail(.notEncrypted, nil, "timeout" + Self.after(partial))
            case .banner, .ehlo, .helo, .lhlo, .rset, .mail, .rcpt, .data, .content, .dot, .bdat, .loneDot:
                return fail(.timedOut, nil, "timeout" + Self.after(partial))
            }
        }

        /// The transport is gone.
        mutating func disconnected(_ cause: String?, partial: String? = nil) -> Action {
            let text = (cause ?? "the connection was closed by the server") + Self.after(partial)
            // A server that offers STARTTLS and hangs up on it has broken TLS.
            return fail(state == .startTLS || state == .handshake ? .notEncrypted : .disconnected, nil, text)
        }

        private static func after(_ partial: String?) -> String { partial.map { " after the incomplete reply \"\($0)\"" } ?? "" }

        /// The server's bytes are no reply.
        /// - Parameter excerpt: their beginning, printable.
        mutating func garbled(_ failure: ReplyParser.Failure, excerpt: String? = nil) -> Action {
            fail(.protocolError, nil, "the server sent \(failure.text)" + (excerpt.map { ": \"\($0)\"" } ?? ""))
        }

        /// The server ended a line with a bare LF.
        mutating func doubt() { isDoubtful = true }

        /// The body could not be read: the message must not be ended, or half of it would be delivered.
        mutating func contentFailed(_ cause: String) -> Action { fail(.contentUnavailable, nil, cause) }

        // MARK: Replies

        private mutating func greeted(_ reply: RawReply) -> Action {
            if reply.isIntermediate { return unexpected(reply) }
            guard reply.isPositive else { return fail(.refused, reply, "the server refuses the connection") }
            state = configuration.useLMTP ? .lhlo : .ehlo
            return .hello(configuration.useLMTP ? .lhlo : .ehlo)
        }

        private mutating func helloAnswered(_ reply: RawReply) -> Action {
            if reply.isPositive {
                capabilities = state == .helo ? Capabilities() : Capabilities(hello: reply)
                return encryptOrOpen()
            }
            // RFC 5321 3.2: a server without EHLO says so with 5xx.
            if reply.isPermanent, state == .ehlo {
                ehloRefusal = reply
                state = .helo
                return .hello(.helo)
            }
            if reply.isIntermediate { return unexpected(reply) }
            return fail(.refused, reply, "the server refuses the session")
        }

        /// What follows a hello: STARTTLS where it is wanted, else the session is open.
        private mutating func encryptOrOpen() -> Action {
            if !isSecure, configuration.startTLS != .never, capabilities.offers(.startTLS) {
                state = .startTLS
                return .startTLS
            }
            // RFC 8461, RFC 7672: not a word of the mail is told to a server that cannot keep it to itself.
            guard isSecure || configuration.startTLS != .always else {
                return fail(.notEncrypted, nil, "the server does not offer STARTTLS, and TLS is required")
            }
            state = .idle
            return .ready(capabilities)
        }

        private mutating func startAnswered(_ reply: RawReply) -> Action {
            if reply.isIntermediate { return unexpected(reply) }
            if reply.isPositive {
                state = .handshake
                return .encrypt
            }
            guard configuration.startTLS != .always else {
                return fail(.notEncrypted, reply, "the server refuses STARTTLS, and TLS is required")
            }
            state = .idle
            return .ready(capabilities)
        }

        /// The handshake is done. RFC 3207, 4.2: what the server said before is forgotten.
        mutating func secured() -> Action {
            isSecure = true
            switch state {
            case .initial: return .none  // from the first byte
            case .handshake:
                capabilities = Capabilities()
                ehloRefusal = nil
                state = configuration.useLMTP ? .lhlo : .ehlo
                return .hello(configuration.useLMTP ? .lhlo : .ehlo)
            case .closed: return .none
            case .banner, .ehlo, .helo, .lhlo, .startTLS, .idle, .rset, .mail, .rcpt, .data, .content, .dot, .bdat, .loneDot, .quit:
                preconditionFailure("a handshake that nobody asked for")
            }
        }

        /// The handshake failed, or the encryption broke.
        mutating func encryptionFailed(_ text: String) -> Action {
            switch state {
            case .initial, .handshake: return fail(.notEncrypted, nil, text)
            case .banner, .ehlo, .helo, .lhlo, .startTLS, .idle, .rset, .mail, .rcpt, .data, .content, .dot, .bdat, .loneDot, .quit,
                .closed:
                return fail(.disconnected, nil, text)
            }
        }

        private mutating func resetAnswered(_ reply: RawReply) -> Action {
            // A refusal matters only if MAIL is refused too: then it is the session that is broken, not the message.
            if !reply.isPositive { resetRefusal = reply }
            state = .mail
            return isPipelined ? .none : .send(Batch(mail: true))
        }

        private mutating func mailAnswered(_ reply: RawReply) -> Action {
            if reply.isIntermediate { return unexpected(reply) }
            if !reply.isPositive {
                mailRefusal = reply
                if let resetRefusal { return fail(.protocolError, resetRefusal, "RSET was refused") }
                // Looked ahead without RSET, and the server did not forget the refused message before: not this message's fault.
                if mustReset, reply.code == 503 {
                    resetRefusal = reply
                    return fail(.protocolError, reply, "the server has not forgotten the message before")
                }
                guard isPipelined else { return finish(nil, .mail, mustReset: false) }
            }
            state = .rcpt(0)
            return isPipelined ? .none : .send(Batch(recipients: 0..<1))
        }

        private mutating func recipientAnswered(_ index: Int, _ reply: RawReply) -> Action {
            if reply.isIntermediate { return unexpected(reply) }
            if !reply.isPositive { refusals.append((index, reply)) }
            let next = index + 1
            guard next == recipients else {
                state = .rcpt(next)
                return isPipelined ? .none : .send(Batch(recipients: next..<next + 1))
            }
            switch plan {
            case .dataInBatch:
                state = .data
                return .none
            case .bdatInBatch:
                state = .bdat
                return .none
            case .dataAfter:
                guard hasAccepted else { return finish(nil, .rcpt, mustReset: true) }
                state = .data
                return .send(Batch(data: true))
            case .bdatAfter:
                guard hasAccepted else { return finish(nil, .rcpt, mustReset: true) }
                state = .bdat
                return .send(Batch(bdat: true))
            }
        }

        private mutating func dataAnswered(_ reply: RawReply) -> Action {
            if reply.isIntermediate {
                if hasAccepted {
                    state = .content
                    return .sendContent
                }
                // In LMTP a dot is answered once per accepted recipient, here not at all: nothing to wait for, so leave.
                if configuration.useLMTP { return fail(.protocolError, nil, "DATA was accepted without recipients") }
                state = .loneDot
                return .sendLoneDot
            }
            if reply.isPositive { return unexpected(reply) }
            return finish(reply, .data, mustReset: true)
        }

        private mutating func finalAnswered(_ command: ClientCommand, _ reply: RawReply) -> Action {
            if reply.isIntermediate { return unexpected(reply) }
            if configuration.useLMTP {
                finals.append(reply)
                if finals.count < recipients - refusals.count { return .none }
            }
            return finish(reply, command, mustReset: !reply.isPositive || !hasAccepted)
        }

        /// A final reply while the content is still being written. The rest cannot be held back, so the connection is lost, but a
        /// refusal counts.
        private mutating func answeredTooEarly(_ command: ClientCommand, _ reply: RawReply) -> Action {
            if reply.isPositive || reply.isIntermediate { return unexpected(reply) }
            return fail(.protocolError, reply, "the server refused the message before its end", decides: true)
        }

        private mutating func unexpected(_ reply: RawReply) -> Action {
            fail(.protocolError, reply, "the server sent an unexpected reply (\(reply.excerpt()))")
        }
    }
}

// MARK: Ends

extension ClientSession.StateMachine {
    private var hasAccepted: Bool { mailRefusal == nil && refusals.count < recipients }

    /// Checks that need no server. RFC 1870 6.1, RFC 6152 3, RFC 6531 3.2.
    private func localRefusal(_ outline: ClientSession.Outline) -> RawReply? {
        if let limit = capabilities.sizeLimit, outline.size > limit {
            return RawReply(
                local: 552, "5.3.4", "KumoMTA internal: message of \(outline.size) bytes, destination accepts at most \(limit)")
        }
        if configuration.ignore8BitChecks { return nil }
        // The rarer extension first: a server without both lacks what no conversion of the content could make up for.
        if outline.needsUTF8, !capabilities.offers(.smtpUTF8) {
            return RawReply(
                local: 550, "5.6.7", "KumoMTA internal: envelope or headers need UTF-8, destination does not support SMTPUTF8")
        }
        if outline.needs8Bit, !capabilities.offers(.eightBitMIME) {
            return RawReply(local: 554, "5.6.3", "KumoMTA internal: DATA is 8bit, destination does not support 8BITMIME")
        }
        return nil
    }

    /// Waits for the replies to an envelope.
    private mutating func start(_ envelope: ClientSession.Envelope) {
        transactions += 1
        recipients = envelope.recipients
        isContentSent = false
        resetRefusal = nil
        mailRefusal = nil
        refusals.removeAll(keepingCapacity: true)
        finals.removeAll(keepingCapacity: true)
        state = envelope.resets ? .rset : .mail
    }

    /// Ends the transaction with the session intact. `reply` decides about those who were accepted.
    private mutating func finish(
        _ reply: RawReply?, _ command: ClientCommand, mustReset: Bool
    ) -> ClientSession.Action {
        self.mustReset = mustReset
        // Without a reply nobody was accepted, so this placeholder is replaced for everybody.
        let decision = RecipientOutcome(raw: reply ?? RawReply(code: 554), command: command, origin: .peer)
        let result = TransactionResult(perRecipient: outcomes(decision), sessionUsable: !wantsQuit)
        if let next = ahead {
            ahead = nil
            if next.resets { self.mustReset = false }
            start(next)
            return .finish(result)
        }
        state = wantsQuit ? .quit : .idle
        return wantsQuit ? .finishAndQuit(result) : .finish(result)
    }

    /// Ends the connection.
    private mutating func fail(
        _ kind: ClientCloseReason.Kind, _ reply: RawReply?, _ text: String, decides: Bool = false
    ) -> ClientSession.Action {
        let stage = expected
        let before = state
        state = .closed
        switch before {
        case .closed: return .none
        case .quit: return .close(ClientCloseReason(kind: .quit, stage: nil, text: "the session was ended", wasIdle: true))
        case .idle:
            return .close(ClientCloseReason(kind: kind, stage: nil, reply: reply, text: text, wasIdle: true))
        case .helo where isWorthLess(reply) && kind != .quit && kind != .aborted:
            return .close(
                ClientCloseReason(kind: kind, stage: .ehlo, reply: ehloRefusal, text: Self.at(stage, text), wasIdle: false))
        case .initial, .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake:
            let text = kind == .quit ? "the session was ended before it began" : Self.at(stage, text)
            return .close(ClientCloseReason(kind: kind, stage: stage, reply: reply, text: text, wasIdle: false))
        case .rset, .mail, .rcpt, .data, .content, .dot, .bdat, .loneDot:
            let full = Self.at(stage, text)
            let interruption = interruption(before, kind)
            // Which reply belonged to which command is not known any more.
            if isDoubtful, kind == .protocolError {
                mailRefusal = nil
                refusals.removeAll()
                finals.removeAll()
            }
            let decision: RecipientOutcome
            if let reply, decides || kind == .serviceClosing {
                decision = RecipientOutcome(raw: reply, command: stage ?? .mail, origin: .peer)
            } else {
                decision = RecipientOutcome(
                    raw: RawReply(local: 400, "4.4.2", "KumoMTA internal: \(full)"), command: stage ?? .mail,
                    origin: .transport(ambiguous: isContentSent))
            }
            return .finishAndClose(
                TransactionResult(
                    perRecipient: outcomes(decision, isTransportFailure: resetRefusal != nil), sessionUsable: false,
                    interruption: interruption),
                ClientCloseReason(kind: kind, stage: stage, reply: reply, text: full, wasIdle: false))
        }
    }

    /// Whether a session that ended in `state` broke before the transaction or in it.
    private func interruption(_ state: State, _ kind: ClientCloseReason.Kind) -> TransactionResult.Interruption {
        let isEarly =
            switch state {
            case .rset, .mail: true
            // A server that leaves RSET unanswered is out of step from there: what answers RCPT is the 354.
            case .rcpt, .data: kind == .protocolError && transactions > 1 && !isContentSent
            case .initial, .banner, .ehlo, .helo, .lhlo, .startTLS, .handshake, .idle, .content, .dot, .bdat, .loneDot, .quit, .closed:
                false
            }
        guard isEarly else { return .none }
        return transactions > 1 ? .between : .atFirst
    }

    /// Whether the refusal of EHLO says more than `reply` to the HELO behind it: a server that does not want us may say so only once, and
    /// then hang up or call HELO out of place. One that just does not know EHLO has said nothing by that.
    private func isWorthLess(_ reply: RawReply?) -> Bool {
        guard let ehloRefusal, !Self.isOfSyntax(ehloRefusal) || reply == nil else { return false }
        return reply.map(Self.isOfSyntax) ?? true
    }

    private static func isOfSyntax(_ reply: RawReply) -> Bool { (500...504).contains(reply.code) }

    private static func at(_ stage: ClientCommand?, _ text: String) -> String {
        guard let stage else { return text }
        switch stage {
        case .content: return "\(text), while sending the message content"
        case .banner, .ehlo, .helo, .lhlo, .startTLS, .rset, .mail, .rcpt, .data, .bdat, .dot, .quit:
            return "\(text), while waiting for \(stage == .banner ? "" : "the reply to ")\(stage.text)"
        }
    }

    /// One outcome per recipient: what was said about it, else `decision`.
    /// - Parameter isTransportFailure: the session is broken, so its refusal of MAIL says nothing about the message.
    private func outcomes(_ decision: RecipientOutcome, isTransportFailure: Bool = false) -> [RecipientOutcome] {
        if let mailRefusal {
            var all = RecipientOutcome(raw: mailRefusal, command: .mail, origin: .peer)
            if isTransportFailure {
                all = RecipientOutcome(raw: decision.raw, command: .mail, origin: .transport(ambiguous: false))
            }
            return Array(repeating: all, count: recipients)
        }
        var result = Array(repeating: decision, count: recipients)
        for (before, refusal) in refusals.enumerated() {
            result[refusal.index] = RecipientOutcome(
                raw: refusal.reply, command: .rcpt, origin: .peer, followsAccepted: refusal.index > before)
        }
        guard !finals.isEmpty else { return result }
        // LMTP: the replies come in the order of the accepted recipients.
        var refused = refusals[...]
        var answered = finals[...]
        for index in result.indices {
            if refused.first?.index == index {
                refused.removeFirst()
            } else if let reply = answered.popFirst() {
                result[index] = RecipientOutcome(raw: reply, command: decision.command, origin: .peer)
            }
        }
        return result
    }
}
