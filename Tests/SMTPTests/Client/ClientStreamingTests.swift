import NIOCore
import NIOEmbedded
import Testing

@testable import SMTP

@Suite struct ClientStreamingTests {
    struct Broken: Error {}

    /// A session open with the given keywords, ready to send.
    static func open(_ keywords: String...) throws -> ClientTranscriptPlayer {
        let player = try ClientTranscriptPlayer(ClientTranscript("stream", ""))
        try player.feed("220 hi\r\n250-x\r\n" + keywords.map { "250-\($0)\r\n" }.joined() + "250 HELP\r\n") { $0 }
        player.delegate.events = []
        player.said = ""
        return player
    }

    static func transaction(_ body: ClientBody) -> ClientTransaction {
        ClientTransaction(
            sender: ClientTranscriptMessage.address("f@a"), recipients: [ClientTranscriptMessage.address("t@b")],
            headers: ByteBuffer(string: "S: x\r\n\r\n"), body: body)
    }

    @Test func manyPiecesAtOnceDoNotRecurse() throws {
        let player = try Self.open("PIPELINING")
        let count = 200_000
        player.handler.send(Self.transaction(.streamed(length: count) { _, reply in reply(.success(ByteBuffer(string: "."))) }))
        try player.feed("250 OK\r\n250 OK\r\n354 go\r\n") { $0 }
        #expect(player.said.hasSuffix("\r\nDATA\r\nS: x\r\n\r\n.." + String(repeating: ".", count: count - 1) + "\r\n.\r\n"))
        try player.feed("250 OK\r\n") { $0 }
        #expect(player.delegate.events == ["result 250 dot"])
    }

    @Test(arguments: [["PIPELINING"], ["PIPELINING", "CHUNKING"]]) func onePieceAtATimeAsTheSocketTakesThem(_ keywords: [String]) throws {
        let player = try ClientTranscriptPlayer(ClientTranscript("stream", ""))
        try player.feed("220 hi\r\n250-x\r\n" + keywords.map { "250-\($0)\r\n" }.joined() + "250 HELP\r\n") { $0 }
        player.said = ""
        player.delegate.events = []
        let pulls = PullRecorder()
        player.handler.send(Self.transaction(pulls.body(length: 6)))
        try player.feed("250 OK\r\n250 OK\r\n" + (keywords.contains("CHUNKING") ? "" : "354 go\r\n")) { $0 }
        #expect(pulls.offsets == [0])
        player.channel.isWritable = false
        player.channel.pipeline.fireChannelWritabilityChanged()
        pulls.answer("abc")
        #expect(pulls.offsets == [0], "a piece was asked for though the socket is full")
        player.channel.isWritable = true
        player.channel.pipeline.fireChannelWritabilityChanged()
        #expect(pulls.offsets == [0, 3])
        // Progress moves the deadline, standing still does not.
        try player.act("wait 299")
        pulls.answer("de\n")
        try player.collect()
        #expect(player.said.hasSuffix(keywords.contains("CHUNKING") ? "S: x\r\n\r\nabcde\n" : "S: x\r\n\r\nabcde\r\n.\r\n"))
        try player.act("wait 299")
        try player.feed("250 OK\r\n") { $0 }
        #expect(player.delegate.results.map { $0.perRecipient[0].code } == [250])
    }

    @Test func aBodyThatNeverComesTimesOut() throws {
        let player = try Self.open("PIPELINING")
        player.handler.send(Self.transaction(.streamed(length: 6) { _, _ in }))
        try player.feed("250 OK\r\n250 OK\r\n354 go\r\n") { $0 }
        try player.act("wait 301")
        #expect(player.delegate.events == ["result 400 content transport; over", "closed timedOut content"])
    }

    /// The dot must never be sent after half a message.
    @Test(arguments: ["error", "empty", "tooLong"]) func aBrokenBodyIsNeverEnded(_ how: String) throws {
        let player = try Self.open("PIPELINING")
        player.handler.send(
            Self.transaction(
                .streamed(length: 6) { offset, reply in
                    if offset == 0 { return reply(.success(ByteBuffer(string: "abc"))) }
                    switch how {
                    case "error": reply(.failure(Broken()))
                    case "empty": reply(.success(ByteBuffer()))
                    default: reply(.success(ByteBuffer(string: "defg")))
                    }
                }))
        try player.feed("250 OK\r\n250 OK\r\n354 go\r\n") { $0 }
        try player.collect()
        #expect(!player.said.contains("\r\n.\r\n"))
        #expect(player.said.hasSuffix("abc"))
        #expect(player.delegate.events == ["result 400 content transport; over", "closed contentUnavailable content"])
    }

    /// A reply before the end of the content.
    @Test(arguments: [
        ("552 5.3.4 enough", "result 552 content; over", "closed protocolError content"),
        ("421 4.3.2 bye", "result 421 content; over", "closed serviceClosing content"),
        ("250 thanks", "result 400 content transport; over", "closed protocolError content"),
    ])
    func answeredTooEarly(_ line: String, _ result: String, _ closed: String) throws {
        for chunking in [false, true] {
            let player = chunking ? try Self.open("PIPELINING", "CHUNKING") : try Self.open("PIPELINING")
            let pulls = PullRecorder()
            player.handler.send(Self.transaction(pulls.body(length: 6)))
            try player.feed("250 OK\r\n250 OK\r\n" + (chunking ? "" : "354 go\r\n")) { $0 }
            try player.feed(line + "\r\n") { $0 }
            #expect(player.delegate.events == [result, closed])
            pulls.answer("late")  // must not be written
            try player.collect()
            #expect(!player.said.contains("late"))
        }
    }

    @Test func aBigBodyInMemoryLeavesInPieces() throws {
        let player = try Self.open("PIPELINING", "CHUNKING")
        let body = String(repeating: "0123456789abcde\n", count: 150_000)
        player.handler.send(Self.transaction(.inline(ByteBuffer(string: body))))
        try player.collect()
        #expect(!player.said.contains("BDAT"), "a big body was sent before anybody was accepted")
        try player.feed("250 OK\r\n250 OK\r\n") { $0 }
        #expect(player.said.hasSuffix("BDAT \(body.utf8.count + 8) LAST\r\nS: x\r\n\r\n" + body))
        try player.feed("250 OK\r\n") { $0 }
        #expect(player.delegate.events == ["result 250 bdat"])
    }
}
