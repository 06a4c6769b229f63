import NIOCore
import Testing

@testable import SMTP

@Suite struct ServerLimitTests {
    static let open = "HELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\n"
    static let opened = "220 mx.test Apus\r\n250 Hello c!\r\n250 OK\r\n250 OK\r\n"

    private func configuration(_ change: (inout ServerConfiguration) -> Void) -> ServerConfiguration {
        var configuration = ServerConfiguration.test
        change(&configuration)
        return configuration
    }

    @Test(arguments: [0, 1])
    func messageSizeIsExact(excess: Int) throws {
        let line = String(repeating: "x", count: 98) + "\r\n"
        let content = String(repeating: line, count: 10)
        for longest in [Int.max, 1, 13] {
            let harness = try ServerHarness(configuration { $0.maxMessageSize = 1000 - excess })
            try harness.feed(Array((Self.open + "DATA\r\n" + content + ".\r\nNOOP\r\n").utf8)) { longest }
            let outcome = excess == 0 ? "250 OK ids=1" : "552 5.3.4 message too big"
            #expect(harness.replies == Self.opened + "354 Send body; end with CRLF.CRLF\r\n\(outcome)\r\n250 the goggles do nothing\r\n")
            harness.finish()
        }
    }

    @Test func oversizedContentIsSwallowedInBoundedMemory() throws {
        let harness = try ServerHarness(configuration { $0.maxMessageSize = 10_000 })
        try harness.send(Self.open + "DATA\r\n")
        let block = String(repeating: String(repeating: "x", count: 70) + "\r\n", count: 1000)
        for _ in 0..<100 {
            try harness.send(block)
            #expect(harness.handler.session.reader.content.capacity <= 128 * 1024)
            #expect(harness.handler.session.input.readableBytes == 0)
        }
        #expect(try harness.say(".\r\n") == "552 5.3.4 message too big\r\n")
        #expect(try harness.say("BDAT 3\r\nabc") == "503 5.5.0 MAIL FROM first\r\n")
        harness.finish()
    }

    @Test func announcedSizeReservesLittle() throws {
        let harness = try ServerHarness(configuration { $0.maxMessageSize = 1 << 30 })
        try harness.send("HELO c\r\nMAIL FROM:<a@a> SIZE=1000000000\r\nRCPT TO:<b@b>\r\nDATA\r\n")
        #expect(harness.handler.session.reader.content.capacity <= 64 * 1024)
        harness.finish()
    }

    @Test func chunksTogetherKeepTheSizeLimit() throws {
        let harness = try ServerHarness(configuration { $0.maxMessageSize = 10 })
        try harness.send(Self.open)
        #expect(try harness.say("BDAT 8\r\n123456\r\n") == "250 OK\r\n")
        #expect(try harness.say("BDAT 4\r\n12\r\n") == "552 5.3.4 message too big\r\n")
        #expect(try harness.say("BDAT 4 LAST\r\nQUIT") == "503 5.5.0 MAIL FROM first\r\n")
        #expect(try harness.say("MAIL FROM:<a@a>\r\n") == "250 OK\r\n")
        harness.finish()
    }

    @Test func recipients() throws {
        let harness = try ServerHarness(configuration { $0.maxRecipientsPerMessage = 2 })
        #expect(
            try harness.say(Self.open + "RCPT TO:<c@c>\r\nRCPT TO:<d@d>\r\n").hasSuffix(
                "250 OK\r\n250 OK\r\n452 4.5.3 too many recipients\r\n"))
        #expect(try harness.say("DATA\r\n.\r\n").hasSuffix("250 OK ids=1\r\n"))
        #expect(harness.delegate.messages.first?.recipients.count == 2)
        harness.finish()
    }

    @Test func messagesPerConnection() throws {
        let harness = try ServerHarness(configuration { $0.maxMessagesPerConnection = 2 })
        let one = "MAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n.\r\n"
        let refused = "MAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\nrefuse\r\n.\r\n"
        #expect(
            try harness.say("HELO c\r\n" + one + refused + one + "NOOP\r\nMAIL FROM:<a@a>\r\nNOOP\r\n")
                .hasSuffix("250 OK ids=3\r\n250 the goggles do nothing\r\n421 4.3.2 mx.test too many messages in this session\r\n"))
        #expect(!harness.isOpen)
        #expect(!harness.delegate.events.contains { $0.hasPrefix("rejected [MAIL") })
        harness.finish()
    }

    @Test func acceptedMessagesForgiveFaults() throws {
        let harness = try ServerHarness(configuration { $0.maxErrors = 3 })
        for _ in 0..<4 {
            #expect(try harness.say("FOO\r\nFOO\r\nHELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n.\r\n").contains("250 OK ids="))
        }
        #expect(try harness.say("FOO\r\nFOO\r\nFOO\r\nFOO\r\n").hasSuffix("421 4.7.0 mx.test too many errors\r\n"))
        #expect(!harness.isOpen)
        harness.finish()
    }

    @Test func idleCommandsAreNotEndless() throws {
        let harness = try ServerHarness(
            configuration {
                $0.maxIdleCommands = 5
                $0.maxErrors = 3
            })
        let replies = try harness.say(String(repeating: "NOOP\r\n", count: 20))
        #expect(replies.split(separator: "\r\n").count == 8)
        #expect(replies.hasSuffix("503 5.5.0 too many commands without a message\r\n421 4.7.0 mx.test too many errors\r\n"))
        harness.finish()
    }

    @Test(arguments: [false, true])
    func streaming(deferred: Bool) throws {
        let limits = configuration {
            $0.streamThreshold = 1000
            $0.streamPiece = 500
        }
        let lines = (0..<400).map { "line \($0) " + String(repeating: "z", count: $0 % 60) + "\r\n" }.joined()
        for longest in [Int.max, 97, 1] {
            let harness = try ServerHarness(limits) { $0.isDeferred = deferred }
            harness.settle()
            try harness.feed(Array((Self.open + "DATA\r\n").utf8)) { Int.max }
            try harness.feed(Array((lines + ".\r\nNOOP\r\n").utf8)) { longest }
            #expect(harness.replies.hasSuffix("250 OK ids=1\r\n250 the goggles do nothing\r\n"))
            #expect(harness.delegate.contents == [Array(lines.utf8)])
            if longest < 1000 {
                let message = try #require(harness.delegate.messages.first)
                #expect(message.data.readableBytes <= 1100 && message.streamedBytes > 10_000)
                #expect(harness.delegate.maxPiece <= 600)
            }
            #expect(harness.handler.session.streamedHead == nil)
            harness.finish()
            #expect(!harness.delegate.events.contains("aborted"))
        }
    }

    enum Break: CaseIterable { case fault, disconnect, reset, refusal, hangUp, quit, hello }

    @Test(arguments: Break.allCases)
    func brokenStreamsAreAborted(how: Break) throws {
        let limits = configuration {
            $0.streamThreshold = 100
            $0.streamPiece = 50
        }
        let harness = try ServerHarness(limits)
        if how == .disconnect { harness.delegate.refusesPieces = .disconnect(Reply(421, "no room")) }
        if how == .refusal { harness.delegate.refusesPieces = .reject(Reply(452, EnhancedStatus(4, 3, 1), "no room")) }
        try harness.send(Self.open + "BDAT 300\r\n")
        let octets = String(repeating: String(repeating: "x", count: 48) + "\r\n", count: 6)
        try harness.feed(Array(octets.utf8)) { 25 }
        #expect(harness.delegate.events.contains("streaming"))
        switch how {
        case .fault:
            #expect(try harness.say("BDAT 3 LAST\r\na\nb") == "552 5.6.0 message data must use CRLF for line endings\r\n")
        case .disconnect: #expect(harness.replies.hasSuffix("421 no room\r\n"))
        case .reset: #expect(try harness.say("RSET\r\n") == "250 Reset state\r\n")
        case .refusal:
            #expect(harness.replies.hasSuffix("250 OK\r\n452 4.3.1 no room\r\n"))
            #expect(harness.delegate.events.last == "rejected [BDAT 300] 452")
        case .hangUp: break
        case .quit: #expect(try harness.say("QUIT\r\n").hasPrefix("221 "))
        case .hello: #expect(try harness.say("HELO d\r\n").hasPrefix("250 "))
        }
        if how == .hangUp { harness.finish() }
        #expect(harness.delegate.events.filter { $0 == "aborted" }.count == 1)
        #expect(!harness.delegate.events.contains { $0.hasPrefix("message") })
        harness.finish()
        #expect(harness.delegate.events.filter { $0 == "aborted" }.count == 1)
        #expect(harness.delegate.events.last == "closed")
    }
}
