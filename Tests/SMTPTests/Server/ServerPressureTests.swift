import NIOCore
import NIOEmbedded
import Testing

@testable import SMTP

@Suite struct ServerPressureTests {
    @Test func readsAreWithheldWhileAVerdictIsAwaited() throws {
        let harness = try ServerHarness()
        try harness.send("HELO c\r\n")
        let before = harness.edge.reads
        harness.channel.read()
        #expect(harness.edge.reads == before + 1)
        harness.delegate.isDeferred = true
        try harness.channel.writeInbound(ByteBuffer(string: "MAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nNOOP\r\n"))
        let free = harness.edge.reads
        harness.channel.read()
        // A little is read ahead, so that the socket's interest need not be withdrawn for each verdict.
        #expect(harness.edge.reads == free + 1)
        let line = "NOOP " + String(repeating: "x", count: 1000) + "\r\n"
        let noise = String(repeating: line, count: ServerSession.readAheadLimit / line.utf8.count + 1)
        try harness.channel.writeInbound(ByteBuffer(string: noise))
        let held = harness.edge.reads
        harness.channel.read()
        #expect(harness.edge.reads == held)
        #expect(harness.delegate.events.last == "mail a@a")
        harness.delegate.answer()  // MAIL; RCPT is asked next, still no read
        #expect(harness.edge.reads == held)
        #expect(harness.delegate.events.last == "rcpt b@b")
        harness.delegate.answer()
        #expect(harness.edge.reads == held + 1)
        harness.collect()
        #expect(harness.replies.contains("250 OK\r\n250 OK\r\n250 the goggles do nothing\r\n"))
        harness.finish()
    }

    @Test func inputHeldMeanwhileIsBounded() throws {
        var configuration = ServerConfiguration.test
        configuration.maxBufferedInput = 10_000
        let harness = try ServerHarness(configuration)
        harness.delegate.isSilent = true
        try harness.send("HELO c\r\n")
        for _ in 0..<10 where harness.isOpen { try harness.send(String(repeating: "x", count: 2000)) }
        #expect(harness.replies.hasSuffix("421 4.3.2 mx.test too much pipelined input\r\n"))
        #expect(harness.handler.session.input.readableBytes == 0)
        harness.finish()
    }

    @Test func repliesOfOneBatchAreOneWrite() throws {
        let harness = try ServerHarness()
        let (writes, flushes) = (harness.edge.writes, harness.edge.flushes)
        try harness.send("EHLO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nRCPT TO:<c@c>\r\nDATA\r\nx\r\n.\r\nMAIL FROM:<a@a>\r\n")
        #expect(harness.edge.writes == writes + 1 && harness.edge.flushes == flushes + 1)
        harness.finish()
    }

    @Test func aClientThatDoesNotReadIsNotServed() throws {
        var configuration = ServerConfiguration.test
        configuration.maxIdleCommands = .max
        let harness = try ServerHarness(configuration)
        harness.channel.isWritable = false
        try harness.channel.writeInbound(ByteBuffer(string: String(repeating: "NOOP\r\n", count: 20_000)))
        let reads = harness.edge.reads
        harness.channel.read()
        #expect(harness.edge.reads == reads)
        harness.collect()
        #expect(harness.replies.utf8.count < 3 * ServerSession.outputLimit)
        harness.channel.isWritable = true
        harness.channel.pipeline.fireChannelWritabilityChanged()
        harness.collect()
        #expect(harness.replies.utf8.count == "220 mx.test Apus\r\n".utf8.count + 20_000 * 28)
        #expect(harness.edge.reads == reads + 1)
        harness.finish()
    }

    @Test func earlyTalkersAreRefused() throws {
        let harness = try ServerHarness { $0.isDeferred = true }
        harness.channel.read()
        #expect(harness.edge.reads > 0)
        try harness.channel.writeInbound(ByteBuffer(string: "EHLO c\r\nQUIT\r\n"))
        harness.settle()
        #expect(harness.replies == "554 5.5.1 mx.test wait for the banner\r\n")
        #expect(!harness.isOpen)
        harness.finish()
        #expect(harness.delegate.events == ["connected", "rejected [CONNECT] 554", "closed"])
    }

    @Test(arguments: [Verdict.reject(Reply(554, "no")), .disconnect(Reply(554, "no"))])
    func refusedConnections(verdict: Verdict) throws {
        let harness = try ServerHarness { $0.refusesConnection = verdict }
        #expect(harness.replies == "554 no\r\n")
        #expect(!harness.isOpen)
        harness.finish()
    }

    @Test func lateVerdictsAreIgnored() throws {
        let harness = try ServerHarness()
        harness.delegate.isDeferred = true
        try harness.channel.writeInbound(ByteBuffer(string: "HELO c\r\n"))
        #expect(harness.delegate.isWaiting)
        harness.finish()
        #expect(harness.delegate.events.last == "closed")
        harness.delegate.answer()
        #expect(harness.delegate.events.last == "closed")
    }

    @Test func sessionsAreFreed() throws {
        weak var session: ServerSession?
        weak var handler: ServerHandler?
        do {
            let harness = try ServerHarness()
            session = harness.handler.session
            handler = harness.handler
            try harness.send("HELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
            harness.finish()
        }
        #expect(session == nil && handler == nil)
    }

    @Test func halfClosedClientsGetTheirAnswers() throws {
        let harness = try ServerHarness()
        harness.delegate.isDeferred = true
        try harness.channel.writeInbound(ByteBuffer(string: "HELO c\r\nNOOP\r\n"))
        harness.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(harness.isOpen)
        harness.settle()
        #expect(harness.replies.hasSuffix("250 Hello c!\r\n250 the goggles do nothing\r\n"))
        #expect(harness.edge.closes == [.all])
        harness.finish()
    }
}
