import Message
import NIOCore
import NIOEmbedded
import Testing

@testable import SMTP

/// What the transcripts of `ClientLookAheadTranscripts` cannot say.
@Suite struct ClientLookAheadTests {
    static let ok = "250 OK\r\n"

    /// The first message's content was asked for: `next` is being called when the last reply is fed.
    static func reachContent(_ player: ClientTranscriptPlayer, feed last: String = "354 go\r\n") throws {
        try player.act("send a@x")
        try player.feed(ok + ok + last) { $0 }
    }

    /// The delegate may not send while the next message takes over, and can see it.
    @Test func notIdleWhileTheNextTakesOver() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        var idle: [Bool] = []
        player.delegate.onFinished = { client, _ in idle.append(client.isIdle) }
        try player.act("ahead b@x")
        try Self.reachContent(player)
        #expect(!player.handler.isIdle)
        try player.feed(Self.ok) { $0 }
        #expect(!player.handler.isIdle)
        try player.feed(Self.ok + Self.ok + Self.ok + "354 go\r\n" + Self.ok) { $0 }
        #expect(idle == [false, true])
        #expect(player.handler.isIdle)
    }

    @Test func notIdleWhileTheNextIsRefusedHere() throws {
        let player = try ClientStreamingTests.open("PIPELINING", "SIZE 100")
        var idle: [Bool] = []
        player.delegate.onFinished = { client, _ in idle.append(client.isIdle) }
        try player.act("ahead-big b@x")
        try Self.reachContent(player)
        try player.feed(Self.ok) { $0 }
        #expect(idle == [false, true])
    }

    /// `finished` of the first may end the session: the second comes back.
    @Test func abortWithinFinished() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        try player.act("ahead b@x")
        try Self.reachContent(player)
        player.delegate.onFinished = { client, _ in client.abort() }
        try player.feed(Self.ok) { $0 }
        #expect(player.delegate.events == ["result 250 dot", "result 400 rset transport; over between", "closed aborted rset"])
    }

    @Test func quitWithinFinished() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        try player.act("ahead b@x")
        try Self.reachContent(player)
        player.delegate.onFinished = { client, _ in client.quit() }
        try player.feed(Self.ok) { $0 }
        player.said = ""
        try player.feed(Self.ok + Self.ok + Self.ok + "354 go\r\n" + Self.ok) { $0 }
        #expect(player.said == "S: x\r\n\r\nhi\r\n.\r\nQUIT\r\n")
        #expect(player.delegate.events == ["result 250 dot", "result 250 dot; over"])
    }

    @Test func quitWithinFinishedOfTheFirstWhenTheSecondIsRefusedHere() throws {
        let player = try ClientStreamingTests.open("PIPELINING", "SIZE 100")
        try player.act("ahead-big b@x")
        try Self.reachContent(player)
        player.delegate.onFinished = { client, _ in client.quit() }
        try player.feed(Self.ok + "221 bye\r\n") { $0 }
        #expect(player.delegate.events == ["result 250 dot", "closed quit - idle unfinished"])
    }

    /// Whatever the delegate does from within `next`, what it returns comes back.
    @Test(arguments: [true, false]) func endedWithinNext(_ aborts: Bool) throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        let next = player.transcript.message.transaction(to: ["b@x"])
        player.delegate.onNext = { client in
            if aborts { client.abort() } else { client.quit() }
            return next
        }
        try Self.reachContent(player)
        if aborts {
            #expect(player.delegate.events == ["result 400 dot ambiguous; over", "closed aborted dot unfinished"])
            #expect(player.delegate.unfinished.first === next)
        } else {
            player.delegate.onNext = { _ in nil }
            try player.feed(Self.ok + Self.ok + Self.ok + Self.ok + "354 go\r\n" + Self.ok) { $0 }
            #expect(player.delegate.events == ["result 250 dot; over", "result 250 dot; over"])
            #expect(player.said.hasSuffix("QUIT\r\n"))
        }
    }

    @Test func sentFromWithinNext() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        player.delegate.onNext = { client in
            client.send(player.transcript.message.transaction(to: ["b@x"]))
            return nil
        }
        try Self.reachContent(player)
        #expect(player.said.hasSuffix("hi\r\n.\r\n"))
        try player.feed(Self.ok) { $0 }
        #expect(player.said.hasSuffix("RSET\r\nMAIL FROM:<from@a.test>\r\nRCPT TO:<b@x>\r\nDATA\r\n"))
    }

    /// Bigger than what is written in one go: the envelope rides with the last piece.
    @Test func behindABigBody() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        let line = "0123456789abcde\n"
        let next = player.transcript.message.transaction(to: ["b@x"])
        player.delegate.onNext = { _ in next }
        player.handler.send(ClientStreamingTests.transaction(.inline(ByteBuffer(string: String(repeating: line, count: 150_000)))))
        try player.collect()
        player.channel.isWritable = false
        try player.feed(Self.ok + Self.ok + "354 go\r\n") { $0 }
        #expect(!player.said.hasSuffix("DATA\r\n") || !player.said.contains("RSET"), "asked before the content was written")
        player.channel.isWritable = true
        player.channel.pipeline.fireChannelWritabilityChanged()
        #expect(
            player.recorder.writes.last?.hasSuffix("abcde\r\n.\r\nRSET\r\nMAIL FROM:<from@a.test>\r\nRCPT TO:<b@x>\r\nDATA\r\n") == true)
    }

    /// A streamed message may be looked ahead; only its envelope leaves early.
    @Test func aStreamedBodyComesSecond() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        let pulls = PullRecorder()
        let next = ClientStreamingTests.transaction(pulls.body(length: 3))
        player.delegate.onNext = { _ in next }
        try Self.reachContent(player)
        #expect(player.said.hasSuffix(".\r\nRSET\r\nMAIL FROM:<f@a>\r\nRCPT TO:<t@b>\r\nDATA\r\n"))
        try player.feed(Self.ok + Self.ok + Self.ok + Self.ok) { $0 }
        #expect(pulls.offsets.isEmpty)
        try player.feed("354 go\r\n") { $0 }
        #expect(pulls.offsets == [0])
        pulls.answer("abc")
        try player.feed(Self.ok) { $0 }
        #expect(player.said.hasSuffix("DATA\r\nS: x\r\n\r\nabc\r\n.\r\n"))
        #expect(player.delegate.events == ["result 250 dot", "result 250 dot"])
    }

    /// Under backlog each message costs one write, whatever its neighbours.
    @Test func oneWritePerMessage() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        let count = 1000
        for _ in 1..<count { try player.act("ahead a@x") }
        try player.act("send a@x")
        try player.feed(Self.ok + Self.ok + "354 go\r\n") { $0 }
        var writes = 0
        for _ in 1..<count {
            player.said = ""
            try player.channel.writeInbound(ByteBuffer(string: Self.ok + Self.ok + Self.ok + Self.ok + "354 go\r\n"))
            writes += player.recorder.writes.count
            try player.collect()
        }
        #expect(writes == count - 1)
        try player.feed(Self.ok) { $0 }
        #expect(player.delegate.events.count == count)
    }

    /// How replies are cut changes nothing, and every message comes back once and in order, whatever the server says.
    @Test(arguments: 0..<400) func randomServers(_ seed: Int) throws {
        let plain = try play(seed: seed) { rest, _ in rest }
        let single = try play(seed: seed) { _, _ in 1 }
        let random = try play(seed: seed) { Int.random(in: 1...$0, using: &$1) }
        #expect(single == plain, "seed \(seed)")
        #expect(random == plain, "seed \(seed)")
    }

    struct Play: Equatable {
        var said: String
        var events: [String]
        var order: [String]
    }

    func play(seed: Int, cut: (Int, inout ClientTestRandom) -> Int) throws -> Play {
        var script = ClientTestRandom(seed: UInt64(seed) &* 77 &+ 5)
        var cuts = ClientTestRandom(seed: UInt64.random(in: .min ... .max))
        let player = try ClientTranscriptPlayer(
            ClientTranscript("random", { $0.enableRSET = seed % 2 == 0 }, ""))
        var given = 0
        func make() -> ClientTransaction {
            given += 1
            var message = ClientTranscriptMessage()
            if given % 5 == 0 { message.content += String(repeating: "x", count: 200) }
            return message.transaction(to: (0...given % 3).map { "m\(given)r\($0)@x" })
        }
        let spy = OrderSpy(player.delegate)
        // A handler of its own, so that the delegate sees the transactions themselves.
        let handler = ClientHandler(configuration: player.transcript.configuration, delegate: spy)
        let channel = EmbeddedChannel(handlers: [handler])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
        player.delegate.onReady = { $0.send(make()) }
        player.delegate.onFinished = { client, result in
            if result.sessionUsable, client.isIdle { client.send(make()) }
        }
        player.delegate.onNext = { _ in given % 4 == 3 ? nil : make() }
        var text = "220 hi\r\n250-x\r\n250-SIZE 150\r\n250 PIPELINING\r\n"
        // A state of the server would never lose step; a random one does, sooner or later.
        let usual = seed % 4 == 0 ? 40 : 200
        for _ in 0..<60 {
            switch Int.random(in: 0..<usual, using: &script) {
            case 0: text += "421 4.3.2 leaving\r\n"
            case 1, 2: text += "550-5.1.1 no\r\n550 5.1.1 no\r\n"
            case 3, 4: text += "503 no\r\n"
            case 5, 6: text += "451 4.3.0 later\r\n"
            case 7..<14: text += "354 go\r\n"
            default: text += "?"
            }
        }
        var said = ""
        func collect() throws {
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) { said += String(buffer: buffer) }
        }
        // "?" is the reply that fits: 354 to DATA, else 250. Which it is depends only on what was said before.
        for part in text.split(separator: "?", omittingEmptySubsequences: false).enumerated() {
            var bytes = ByteBuffer(string: String(part.element))
            if part.offset > 0 { bytes = ByteBuffer(string: handler.machine.expected == .data ? "354 go\r\n" : "250 OK\r\n") }
            if part.offset > 0 { bytes.writeString(String(part.element)) }
            while bytes.readableBytes > 0, channel.isActive {
                try channel.writeInbound(bytes.readSlice(length: cut(bytes.readableBytes, &cuts))!)
                try collect()
            }
        }
        if channel.isActive { handler.abort() }
        try collect()
        #expect(spy.order == (1...max(given, 1)).prefix(given).map { "m\($0)r0" }, "seed \(seed)")
        #expect(player.delegate.closings.count == 1)
        return Play(said: said, events: player.delegate.events, order: spy.order)
    }

    /// Loop-confined: notes in which order transactions come back.
    final class OrderSpy: ClientSessionDelegate {
        let base: ClientRecordingDelegate
        var order: [String] = []
        init(_ base: ClientRecordingDelegate) { self.base = base }

        func ready(_ client: ClientHandler, capabilities: Capabilities) { base.ready(client, capabilities: capabilities) }
        func next(_ client: ClientHandler) -> ClientTransaction? { base.next(client) }
        func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult) {
            order.append(transaction.recipients[0].localPart)
            base.finished(client, transaction, result: result)
        }
        func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?) {
            if let unfinished { order.append(unfinished.recipients[0].localPart) }
            base.closed(client, reason: reason, unfinished: unfinished)
        }
    }
}
