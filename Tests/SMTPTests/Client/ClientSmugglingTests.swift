import NIOCore
import NIOEmbedded
import Testing

@testable import SMTP

/// Text with a bare LF in it is two replies to a client that takes LF for a line end: none of them may decide about the wrong command.
@Suite struct ClientSmugglingTests {
    /// *Value.* What a server with one bare LF in a text says, and which recipients may count as answered by it.
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        /// Replies to the batch MAIL, RCPT a, RCPT b, DATA; then what comes with them.
        var wire: String
        var outcomes: [RecipientOutcome.Disposition]
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(
            name: "the answer to the content rides with 354", wire: "250 OK\r\n250 OK\r\n250 OK\r\n354 go\n250 queued\r\n",
            outcomes: [.transient, .transient]),
        Row(
            name: "an echoed address shifts the answers", wire: "250 OK\r\n250 a\n250 b\r\n550 b\r\n354 go\r\n",
            outcomes: [.transient, .transient]),
        Row(
            name: "the first was refused, and the second accepted", wire: "250 OK\n250 x\r\n550 a\r\n250 b\r\n354 go\r\n",
            outcomes: [.transient, .transient]),
        Row(name: "MAIL twice", wire: "250 OK\n250 OK\n550 a\r\n550 b\r\n503 no\r\n", outcomes: [.transient, .transient]),
        Row(name: "a refusal that fits", wire: "250 OK\r\n550 a\n250 OK\r\n550 no\r\n", outcomes: [.permanent, .permanent]),
    ]

    @Test(arguments: rows) func noReplyDecidesForAnother(_ row: Row) throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        try player.act("send a@x b@x")
        player.delegate.events = []
        try player.feed(row.wire) { $0 }
        #expect(player.delegate.results.last?.perRecipient.map(\.disposition) == row.outcomes, "\(player.delegate.events)")
    }

    @Test func alongWithACloseItIsAnAnswer() throws {
        let player = try ClientStreamingTests.open()
        try player.act("send a@x")
        try player.feed("550 no\n421 leaving\n") { $0 }
        #expect(player.delegate.results.last?.perRecipient.map(\.disposition) == [.permanent])
        #expect(player.delegate.closings.first?.kind == .serviceClosing)
    }

    /// Servers that keep to CRLF are not watched: RFC 2920 servers may answer in one packet whatever they like.
    @Test func withCRLFNothingChanges() throws {
        let player = try ClientStreamingTests.open("PIPELINING")
        try player.act("send a@x")
        try player.feed("250 OK\r\n250 OK\r\n354 go\r\n250 queued\r\n") { $0 }
        #expect(player.delegate.results.last?.perRecipient.map(\.disposition) == [.delivered])
    }

    @Test func textsNameWhatWasSaid() throws {
        for (wire, part) in [
            ("SSH-2.0-x\r\n", "the server sent a line that does not start with a reply code: \"SSH-2.0-x\""),
            ("354 go ahead\r\n", "the server sent an unexpected reply (354 go ahead)"),
        ] {
            let player = try ClientTranscriptPlayer(ClientTranscript("texts", ""))
            try player.feed(wire) { $0 }
            #expect(player.delegate.closings.first?.text == part + ", while waiting for the greeting")
        }
        let player = try ClientTranscriptPlayer(ClientTranscript("texts", ""))
        try player.feed("\u{15}\u{3}\u{1}") { $0 }
        player.disconnect()
        #expect(
            player.delegate.closings.first?.text
                == "the connection was closed by the server after the incomplete reply \"???\", while waiting for the greeting")
    }
}
