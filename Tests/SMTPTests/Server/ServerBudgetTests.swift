import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import SMTP

/// What a session holds for its client is counted from the first byte and given back exactly, however it ends.
@Suite struct ServerBudgetTests {
    final class Budget: ServerBudget {
        let held = Mutex((now: 0, peak: 0))
        let tight = Mutex(false)
        let exhausted = Mutex(false)

        func change(by bytes: Int) {
            held.withLock { held in
                held.now += bytes
                held.peak = max(held.peak, held.now)
            }
        }
        var isTight: Bool { tight.withLock { $0 } }
        var isExhausted: Bool { exhausted.withLock { $0 } }
        var now: Int { held.withLock { $0.now } }
        var peak: Int { held.withLock { $0.peak } }
    }

    static func configuration(_ budget: Budget, _ change: (inout ServerConfiguration) -> Void = { _ in }) -> ServerConfiguration {
        var configuration = ServerConfiguration.test
        configuration.maxMessageSize = 10 << 20
        configuration.budget = budget
        change(&configuration)
        return configuration
    }

    static let open = "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
    static let header = "Subject: x\r\n\r\n"
    static func lines(_ bytes: Int) -> String { String(repeating: String(repeating: "z", count: 62) + "\r\n", count: bytes / 64) }

    enum End: CaseIterable {
        case disconnect, halfClose, finished, refused, fault, tooBig, silence, shutdown, reset, quit, hello, abortedChunk, flood
    }

    @Test(arguments: End.allCases, [300_000, 3_000_000]) func allIsGivenBack(_ end: End, _ size: Int) throws {
        let budget = Budget()
        let harness = try ServerHarness(
            Self.configuration(budget) {
                if end == .tooBig { $0.maxMessageSize = size / 2 }
                $0.maxBufferedInput = 100_000_000
            })
        #expect(budget.now == ServerSession.baseBytes)
        let usesChunks = [End.reset, .quit, .hello, .abortedChunk].contains(end)
        let body = (end == .refused ? "refuse" : "") + Self.header + Self.lines(size)
        try harness.send(Self.open + (usesChunks ? "BDAT \(body.utf8.count)\r\n" : "DATA\r\n"))
        try harness.feed(Array(body.utf8)) { 16_384 }
        if end != .tooBig { #expect(budget.now > min(size, 1_000_000), "content counts while it arrives") }
        #expect(budget.now < 4_000_000)
        switch end {
        case .disconnect, .abortedChunk: break
        case .halfClose: harness.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        case .finished, .refused, .tooBig:
            try harness.send(".\r\n")
            #expect(budget.now <= ServerSession.baseBytes + 16_384, "\(budget.now)")
        case .fault:
            try harness.feed(Array("bare\nfeed".utf8)) { Int.max }
            #expect(budget.now <= ServerSession.baseBytes + 16_384, "\(budget.now)")
        case .silence: harness.advance(10_000)
        case .shutdown: harness.handler.shutdown()
        case .reset, .quit, .hello:
            try harness.send(end == .reset ? "RSET\r\n" : end == .quit ? "QUIT\r\n" : "EHLO d.test\r\n")
            #expect(budget.now <= ServerSession.baseBytes + 16_384, "\(budget.now)")
        case .flood: try harness.send(".\r\n" + String(repeating: "NOOP\r\n", count: 10_000))
        }
        harness.finish()
        #expect(budget.now == 0)
    }

    @Test func recipientsAndRepliesCount() throws {
        let budget = Budget()
        let harness = try ServerHarness(Self.configuration(budget))
        let recipients = (0..<500).map { "RCPT TO:<user\($0)@a-rather-long-domain-name.example>\r\n" }.joined()
        try harness.send("EHLO c.test\r\nMAIL FROM:<a@b.test>\r\n" + recipients)
        #expect(budget.now > 500 * 100)
        try harness.send("RSET\r\n")
        #expect(budget.now < 100_000)
        harness.finish()
        #expect(budget.now == 0)
    }

    @Test(arguments: [7, 1000, 16_384, Int.max]) func contentIsStreamedEarlyWhenMemoryIsTight(_ piece: Int) throws {
        let budget = Budget()
        let harness = try ServerHarness(Self.configuration(budget))
        let body = Self.header + Self.lines(200_000)
        try harness.send(Self.open + "DATA\r\n")
        let bytes = Array((body + ".\r\n").utf8)
        try harness.feed(Array(bytes[..<100_000])) { piece }
        #expect(!harness.delegate.events.contains("streaming"))
        budget.tight.withLock { $0 = true }
        try harness.feed(Array(bytes[100_000...])) { piece }
        #expect(harness.delegate.events.contains("streaming"))
        if piece < 1_000_000 { #expect(harness.delegate.maxPiece <= 16_384 + max(piece, 65_536)) }
        #expect(harness.delegate.contents == [Array(body.utf8)])
        harness.finish()
        #expect(budget.now == 0)
    }

    /// The header has to be in one piece: a long one is not refused because others use the memory.
    @Test func aLongHeaderIsKeptWhole() throws {
        let budget = Budget()
        budget.tight.withLock { $0 = true }
        let harness = try ServerHarness(Self.configuration(budget))
        let header = (0..<2000).map { "X-Field-\($0): \(String(repeating: "v", count: 50))\r\n" }.joined() + "\r\n"
        let body = header + Self.lines(300_000)
        try harness.send(Self.open + "DATA\r\n")
        try harness.feed(Array(body.utf8)) { 10_000 }
        #expect(harness.delegate.events.contains("streaming"))
        #expect((harness.handler.session.streamedHead?.readableBytes ?? 0) > header.utf8.count)
        try harness.send(".\r\n")
        #expect(harness.delegate.contents == [Array(body.utf8)])
        harness.finish()
    }

    @Test func contentIsRefusedWhenMemoryIsGone() throws {
        let budget = Budget()
        let harness = try ServerHarness(Self.configuration(budget))
        try harness.send(Self.open + "DATA\r\n")
        try harness.feed(Array((Self.header + Self.lines(100_000)).utf8)) { 10_000 }
        #expect(budget.now > 100_000)
        budget.exhausted.withLock { $0 = true }
        try harness.feed(Array(Self.lines(1_000_000).utf8)) { 10_000 }
        #expect(budget.now < 50_000)
        #expect(try harness.say(".\r\n") == "452 4.3.1 load shedding. Try later\r\n")
        budget.exhausted.withLock { $0 = false }
        try harness.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n\(Self.header)x\r\n")
        #expect(try harness.say(".\r\n") == "250 OK ids=1\r\n")
        harness.finish()
        #expect(budget.now == 0)
    }
}
