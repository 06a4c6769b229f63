/// Doors for the fuzzers of the client: they trap when a promise of the client's parsers or machine is broken.
///
/// *Value* (namespace).
public enum ClientFuzzing {
    /// Bytes of a server: cutting them differently must not change the replies, limits must hold, and every transaction must have exactly
    /// one result, whatever the server says.
    public static func reply(_ bytes: UnsafeRawBufferPointer) {
        let whole = outcomes(bytes) { $0 }
        precondition(outcomes(bytes, next: { _ in 1 }) == whole, "replies fed byte by byte differ")
        var seed = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let random = outcomes(bytes) { rest in
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return 1 + Int(seed >> 33) % rest
        }
        precondition(random == whole, "replies fed in random pieces differ")
        for case .reply(let reply) in whole {
            precondition((200...599).contains(reply.code), "a code out of range")
            precondition(reply.reply.lines.count <= ReplyParser.maxLines, "too many lines")
            precondition(Capabilities(hello: reply).authMechanisms.count <= 32, "too many mechanisms")
        }
        for (extensions, lmtp) in [
            ("PIPELINING", false), ("CHUNKING", false), ("PIPELINING\r\n250-CHUNKING", false), ("X", false), ("PIPELINING", true),
            ("STARTTLS\r\n250-PIPELINING", false),
        ] {
            session(whole, extensions: extensions, lmtp: lmtp)
        }
    }

    private static func outcomes(_ bytes: UnsafeRawBufferPointer, next: (Int) -> Int) -> [ReplyParser.Outcome] {
        var parser = ReplyParser()
        var found: [ReplyParser.Outcome] = []
        var at = 0
        while at < bytes.count {
            var piece = UnsafeRawBufferPointer(rebasing: bytes[at..<at + next(bytes.count - at)])
            at += piece.count
            while piece.count > 0 {
                let (used, outcome) = parser.consume(piece, quietClass: 0)
                precondition(used > 0 && used <= piece.count, "the parser stands still")
                piece = UnsafeRawBufferPointer(rebasing: piece[used...])
                guard let outcome else { continue }
                found.append(outcome)
                if case .failure = outcome { return found }
            }
        }
        return found
    }

    private static func configuration(lmtp: Bool) -> ClientConfiguration {
        var configuration = ClientConfiguration(ehloDomain: "fuzz", useLMTP: lmtp)
        configuration.startTLS = .whenOffered
        return configuration
    }

    /// Sends messages to three recipients as long as the replies last.
    private static func session(_ outcomes: [ReplyParser.Outcome], extensions: String, lmtp: Bool) {
        var machine = ClientSession.StateMachine(configuration: Self.configuration(lmtp: lmtp))
        _ = machine.connected()
        _ = machine.received(RawReply(code: 220))
        var isRunning = false
        var isAhead = false
        var isOver = false
        func judge(_ result: TransactionResult) {
            precondition(isRunning, "a result without a transaction")
            precondition(result.perRecipient.count == 3, "a recipient without an outcome")
            isRunning = false
        }
        func take(_ action: ClientSession.Action, _ machine: inout ClientSession.StateMachine) {
            var next = action
            while true {
                switch next {
                case .none, .hello, .startTLS, .sendQuit, .sendLoneDot: return
                case .encrypt: next = machine.secured()
                case .send(let batch):
                    if batch.bdat { machine.contentSent() }
                    return
                case .sendContent:
                    machine.contentSent()
                    guard machine.mayLookAhead else { return }
                    isAhead = machine.lookAhead(ClientSession.Outline(recipients: 3, size: 1)) != nil
                    return
                case .finishAndQuit(let result): return judge(result)
                case .finishAndClose(let result, _):
                    judge(result)
                    isAhead = false
                    isOver = true
                    return
                case .close:
                    precondition(!isRunning && !isAhead, "a transaction was forgotten")
                    isOver = true
                    return
                case .finish(let result):
                    judge(result)
                    guard !isAhead else {
                        isAhead = false
                        isRunning = true
                        return
                    }
                    fallthrough
                case .ready:
                    isRunning = true
                    next = machine.begin(ClientSession.Outline(recipients: 3, size: 1))
                }
            }
        }
        take(machine.received(RawReply(code: 250, bytes: Array("250-x\r\n250-\(extensions)\r\n250 OK\r\n".utf8))), &machine)
        for outcome in outcomes where !isOver {
            switch outcome {
            case .reply(let reply): take(machine.received(reply), &machine)
            case .failure(let failure): take(machine.garbled(failure), &machine)
            }
        }
        if !isOver { take(machine.disconnected(nil), &machine) }
        precondition(isOver && !isRunning && !isAhead, "the end of the connection did not end the transaction")
        precondition(machine.received(RawReply(code: 250)) == .none, "a closed session acts")
    }
}
