import NIOCore
import NIOEmbedded
import Testing

@testable import SMTP

@Suite struct ServerDeadlineTests {
    static let open = "HELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\n"

    @Test func idle() throws {
        let harness = try ServerHarness()
        harness.advance(59)
        #expect(try harness.say("HELO c\r\n") == "250 Hello c!\r\n")
        harness.advance(59)
        #expect(harness.isOpen)
        harness.advance(1)
        #expect(harness.replies.hasSuffix("421 4.3.2 mx.test idle too long\r\n"))
        #expect(!harness.isOpen)
        harness.finish()
        #expect(!harness.delegate.events.contains { $0.hasPrefix("rejected") })
    }

    @Test func idleWithinData() throws {
        let harness = try ServerHarness()
        try harness.send(Self.open + "DATA\r\nx")
        harness.advance(60)
        #expect(harness.replies.hasSuffix("421 4.3.2 mx.test idle too long\r\n"))
        harness.finish()
    }

    @Test func drippedCommandsEnd() throws {
        let harness = try ServerHarness()
        for _ in 0..<3 {
            try harness.send("N")
            harness.advance(50)
        }
        #expect(harness.replies.hasSuffix("421 4.3.2 mx.test command took too long\r\n"))
        harness.finish()
    }

    @Test func drippedDataEnds() throws {
        let harness = try ServerHarness()
        try harness.send(Self.open + "DATA\r\n")
        var seconds: Int64 = 0
        while harness.isOpen, seconds < 10_000 {
            try harness.send("x")
            harness.advance(10)
            seconds += 10
        }
        #expect(seconds == 300)
        #expect(harness.replies.hasSuffix("451 4.4.5 mx.test message data took too long\r\n"))
        #expect(harness.delegate.events.last == "rejected [DATA] 451")
        harness.finish()
    }

    @Test func drippedChunksEnd() throws {
        let harness = try ServerHarness()
        try harness.send(Self.open)
        var seconds: Int64 = 0
        while harness.isOpen, seconds < 10_000 {
            try harness.send("BDAT 1\r\nx")
            harness.advance(10)
            seconds += 10
        }
        #expect(seconds == 300)
        harness.finish()
    }

    @Test func steadyDataIsWelcome() throws {
        var configuration = ServerConfiguration.test
        configuration.maxMessageSize = 10_000_000
        let harness = try ServerHarness(configuration)
        try harness.send(Self.open + "DATA\r\n")
        let block = String(repeating: String(repeating: "x", count: 70) + "\r\n", count: 300)
        for _ in 0..<100 {
            try harness.send(block)
            harness.advance(10)
        }
        #expect(try harness.say(".\r\n") == "250 OK ids=1\r\n")
        harness.finish()
    }

    @Test func swallowedOctetsEarnNoTime() throws {
        var configuration = ServerConfiguration.test
        configuration.maxMessageSize = 1000
        let harness = try ServerHarness(configuration)
        try harness.send(Self.open + "DATA\r\n")
        let block = String(repeating: String(repeating: "x", count: 70) + "\r\n", count: 1000)
        var seconds: Int64 = 0
        while harness.isOpen, seconds < 10_000 {
            try harness.send(block)
            harness.advance(10)
            seconds += 10
        }
        #expect(seconds == 300)
        harness.finish()
    }

    @Test func verdictsAreNotAwaitedForEver() throws {
        let harness = try ServerHarness()
        try harness.send(Self.open)
        harness.delegate.isSilent = true
        try harness.send("DATA\r\nx\r\n.\r\n")
        harness.advance(299)
        #expect(harness.isOpen)
        harness.advance(1)
        #expect(harness.replies.hasSuffix("451 4.4.5 data_processing_timeout exceeded\r\n"))
        #expect(!harness.isOpen)
        harness.finish()
    }

    @Test func aSlowVerdictIsNotTheClientsSilence() throws {
        let harness = try ServerHarness()
        harness.delegate.isDeferred = true
        try harness.channel.writeInbound(ByteBuffer(string: "HELO c\r\n"))
        harness.advance(200)
        harness.settle()
        #expect(harness.replies.hasSuffix("250 Hello c!\r\n"))
        harness.advance(59)
        #expect(harness.isOpen)
        harness.advance(1)
        #expect(!harness.isOpen)
        harness.finish()
    }

    @Test func lingeringEnds() throws {
        let harness = try ServerHarness()
        try harness.send("BDAT x\r\n")
        #expect(harness.edge.closes == [.output])
        try harness.send("more and more")
        #expect(harness.handler.session.input.readableBytes == 0)
        harness.advance(4)
        #expect(harness.edge.closes == [.output])
        harness.advance(1)
        #expect(harness.edge.closes == [.output, .all])
        harness.finish()
        #expect(harness.delegate.events.last == "closed")
    }

    @Test(arguments: ["", "HELO c\r\n", "HELO c\r\nMAIL FROM:<a@a>\r\n"])
    func shutdownOfIdleSessions(said: String) throws {
        let harness = try ServerHarness()
        try harness.send(said)
        harness.handler.shutdown()
        harness.collect()
        #expect(harness.replies.hasSuffix("421 4.3.2 mx.test shutting down\r\n"))
        #expect(harness.edge.closes == [.all])
        harness.finish()
    }

    @Test(arguments: [false, true])
    func shutdownLetsAMessageFinish(chunked: Bool) throws {
        let harness = try ServerHarness()
        try harness.send(Self.open + (chunked ? "BDAT 3\r\na\r\n" : "DATA\r\na\r\n"))
        harness.handler.shutdown()
        harness.collect()
        #expect(harness.isOpen)
        let end = chunked ? "BDAT 3 LAST\r\nb\r\nNOOP\r\n" : "b\r\n.\r\nNOOP\r\n"
        #expect(try harness.say(end) == "250 OK ids=1\r\n421 4.3.2 mx.test shutting down\r\n")
        #expect(!harness.isOpen)
        harness.finish()
    }

    @Test func shutdownWaitsForTheVerdict() throws {
        let harness = try ServerHarness()
        try harness.send(Self.open)
        harness.delegate.isDeferred = true
        try harness.channel.writeInbound(ByteBuffer(string: "DATA\r\nx\r\n.\r\n"))
        harness.handler.shutdown()
        #expect(harness.isOpen)
        harness.settle()
        #expect(harness.replies.hasSuffix("250 OK ids=1\r\n421 4.3.2 mx.test shutting down\r\n"))
        harness.finish()
    }

    @Test func shutdownBeforeTheConnectionIsUp() throws {
        let harness = try ServerHarness(connect: false)
        harness.handler.shutdown()
        try harness.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 40_000)).wait()
        harness.collect()
        #expect(harness.replies.hasSuffix("421 4.3.2 mx.test shutting down\r\n"))
        harness.finish()
    }
}
