import NIOCore
import NIOEmbedded
import Testing

@testable import SMTP

@Suite struct ClientTranscriptTests {
    @Test(arguments: ClientTranscripts.all) func whole(_ transcript: ClientTranscript) throws {
        try ClientTranscriptPlayer(transcript).play { $0 }
    }

    @Test(arguments: ClientTranscripts.all) func byteByByte(_ transcript: ClientTranscript) throws {
        try ClientTranscriptPlayer(transcript).play { _ in 1 }
    }

    @Test(arguments: ClientTranscripts.all) func cutAtRandom(_ transcript: ClientTranscript) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("client transcript \"\(transcript.name)\" seed \(seed)")
        var random = ClientTestRandom(seed: seed)
        try ClientTranscriptPlayer(transcript).play { Int.random(in: 1...$0, using: &random) }
    }

    /// How a connection may break.
    enum Accident: CaseIterable { case disconnect, serviceClosing, garbage, abort, timeout, endlessLine }

    /// After every server line of every dialogue: each message has one result, the end is told once, nothing is said afterwards.
    @Test(arguments: ClientTranscripts.all, Accident.allCases)
    func brokenAnywhere(_ transcript: ClientTranscript, _ accident: Accident) throws {
        let count = transcript.lines.count { $0.hasPrefix("S:") || $0.hasPrefix("L:") }
        for limit in 1...max(count, 1) {
            let player = try ClientTranscriptPlayer(transcript)
            try player.play(limit: limit, checks: false) { $0 }
            let delivered = player.delegate.results.count
            switch accident {
            case .disconnect: player.disconnect()
            case .serviceClosing: try player.feed("421 4.3.2 leaving\r\n") { $0 }
            case .garbage: try player.feed("2500 \r\n") { $0 }
            case .endlessLine: try player.feed(String(repeating: "2", count: 5000)) { _ in 7 }
            case .abort: try player.act("abort")
            case .timeout:
                try player.act("wait 301")
                if player.delegate.closings.isEmpty, player.handler.isIdle { try player.act("abort") }
            }
            try player.collect()
            #expect(player.delegate.closings.count == 1, "after server line \(limit)")
            #expect(player.delegate.results.count + player.delegate.unfinished.count == player.sent)
            for result in player.delegate.results.dropFirst(delivered) {
                #expect(!result.sessionUsable)
                for outcome in result.perRecipient where outcome.origin != .peer {
                    #expect(outcome.disposition == .transient)
                    #expect(outcome.reply.lines[0].hasPrefix("KumoMTA internal: "))
                    #expect(outcome.raw.enhanced == EnhancedStatus(class: 4, subject: 4, detail: 2))
                }
            }
            #expect(!player.channel.isActive)
            #expect(!player.handler.send(transcript.message.transaction(to: ["late@x"])))
        }
    }

    @Test func localResultsDoNotRecurse() throws {
        let player = try ClientTranscriptPlayer(ClientTranscript("many", ""))
        var left = 50_000
        player.delegate.onFinished = { client, _ in
            left -= 1
            if left > 0 { client.send(player.transcript.message.transaction(to: ["a@x"])) }
        }
        try player.feed("220 hi\r\n250-x\r\n250 SIZE 1\r\n") { $0 }
        try player.act("send a@x")
        #expect(left == 0)
        #expect(player.handler.isIdle)
    }

    @Test func texts() throws {
        let player = try ClientTranscriptPlayer(ClientTranscript("texts", ""))
        try player.feed("220 hi\r\n250 x\r\n") { $0 }
        try player.act("send a@x")
        try player.act("wait 301")
        #expect(player.delegate.closings[0].text == "timeout, while waiting for the reply to MAIL FROM")
        #expect(
            player.delegate.results[0].perRecipient[0].reply
                == Reply(
                    code: 400, enhanced: EnhancedStatus(class: 4, subject: 4, detail: 2),
                    lines: ["KumoMTA internal: timeout, while waiting for the reply to MAIL FROM"]))
    }
}
