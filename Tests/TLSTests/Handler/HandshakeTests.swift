import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import TLS

/// Handshakes between our two sides.
@Suite struct HandshakeTests {
    private func pair(
        _ request: TestAuthority.Request = .init("mx.example.com"), host: String = "mx.example.com", verified: Bool = true
    ) throws -> Pair {
        try Pair(
            server: ServerContext([Known.certificate(request)]), client: Known.client(),
            ServerDemand(host: host, needsVerification: verified))
    }

    @Test(arguments: [Int.max, 1, 7, 100])
    func bothSidesKnowTheSession(piece: Int) throws {
        let pair = try pair()
        pair.piece = piece
        try pair.run()
        let client = try #require(pair.heardByClient.facts)
        let server = try #require(pair.heardByServer.facts)
        #expect(client.version == "TLSv1.3" && client.cipher == server.cipher && client.cipher.hasPrefix("TLS_"))
        #expect(client.verification == .verified && client.peerSubject == ["O=Apus Tests", "CN=mx.example.com"])
        #expect(server.verification == .absent && server.peerSubject.isEmpty && server.serverName == "mx.example.com")
        #expect(pair.heardByClient.isActive && pair.heardByServer.isActive)
        try pair.say("EHLO client\r\n", from: pair.client)
        try pair.say(String(repeating: "250 hello\r\n", count: 5000), from: pair.server)
        #expect(pair.heardByServer.text == "EHLO client\r\n")
        #expect(pair.heardByClient.text == String(repeating: "250 hello\r\n", count: 5000))
    }

    /// What is written before the handshake is done comes after it, in order.
    @Test func earlyWritesWait() throws {
        let pair = try pair()
        pair.server.writeAndFlush(ByteBuffer(string: "220 "), promise: nil)
        pair.server.writeAndFlush(ByteBuffer(string: "hello\r\n"), promise: nil)
        try pair.run()
        #expect(pair.heardByClient.text == "220 hello\r\n")
    }

    @Test(arguments: [
        ("other.example.com", 86_400, "hostname mismatch"), ("mx.example.com", -10, "certificate has expired"),
    ])
    func aBadCertificateEndsTheHandshake(name: String, until: Int, reason: String) throws {
        var request = TestAuthority.Request(name)
        request.until = until
        let pairOf = Known.authority.issue(request)
        // A server that does not look at its own certificate: ours would refuse to load the expired one.
        let server = try ServerContext([
            Certificate(certificate: pairOf.certificate, key: pairOf.key, certificateName: "c", keyName: "k", now: Known.now - 1000)
        ])
        let strict = try Pair(server: server, client: Known.client(), ServerDemand(host: "mx.example.com", needsVerification: true))
        try strict.run()
        #expect(strict.heardByClient.failure == TLSFailure(.verification, reason) && strict.heardByClient.facts == nil)
        #expect(strict.heardByServer.failure != nil || strict.heardByServer.facts != nil, "the server hears of it")
        #expect(!strict.client.isActive && !strict.heardByClient.isActive)

        let lenient = try Pair(server: server, client: Known.client(), ServerDemand(host: "mx.example.com", needsVerification: false))
        try lenient.run()
        #expect(lenient.heardByClient.facts?.verification == .failed(reason))
    }

    @Test func anUnknownAuthorityIsNotTrusted() throws {
        let pair = try Pair(
            server: ServerContext([.selfSigned(for: "mx.example.com")]), client: Known.client(),
            ServerDemand(host: "mx.example.com", needsVerification: true))
        try pair.run()
        #expect(pair.heardByClient.failure?.kind == .verification)
    }

    /// A second connection goes on with the session of the first; each session is used once, and only for the same demand.
    @Test func sessionsAreResumed() throws {
        let server = try ServerContext([Known.certificate(.init("mx.example.com"))])
        let client = try Known.client()
        func connect(_ demand: ServerDemand) throws -> TLSFacts? {
            let pair = try Pair(server: server, client: client, demand)
            try pair.run()
            try pair.say("x", from: pair.client)
            return pair.heardByClient.facts
        }
        let strict = ServerDemand(host: "mx.example.com", needsVerification: true)
        #expect(try connect(strict)?.isResumed == false)
        #expect(try connect(strict)?.isResumed == true)
        #expect(try connect(strict)?.verification == .verified)
        #expect(try connect(ServerDemand(host: "mx.example.com", needsVerification: false))?.isResumed == false)
    }

    @Test func theCertificateOfTheAskedNameIsShown() throws {
        let server = try ServerContext([
            Known.certificate(.init("mx.example.com")), Known.certificate(.init("*.example.net", "example.org")),
        ])
        for (host, subject) in [
            ("mx.example.com", "CN=mx.example.com"), ("a.example.net", "CN=*.example.net"), ("EXAMPLE.org", "CN=*.example.net"),
        ] {
            let pair = try Pair(server: server, client: Known.client(), ServerDemand(host: host, needsVerification: true))
            try pair.run()
            #expect(pair.heardByClient.facts?.peerSubject.last == subject && pair.heardByClient.failure == nil, "\(host)")
        }
        let other = try Pair(server: server, client: Known.client(), ServerDemand(host: "other.test", needsVerification: false))
        try other.run()
        #expect(other.heardByClient.facts?.peerSubject.last == "CN=mx.example.com")
    }

    /// Names that end in a digit are names; an address is compared as one, and is not told in SNI.
    @Test func hostsAreNamesOrAddresses() throws {
        var request = TestAuthority.Request("smtp-0")
        request.names.append("IP:192.0.2.1")
        let server = try ServerContext([Known.certificate(request)])
        for (host, name) in [("smtp-0", "smtp-0"), ("smtp-0.", "smtp-0"), ("192.0.2.1", nil)] as [(String, String?)] {
            let pair = try Pair(server: server, client: Known.client(), ServerDemand(host: host, needsVerification: true))
            try pair.run()
            #expect(pair.heardByClient.facts?.verification == .verified, "\(host)")
            #expect(pair.heardByServer.facts?.serverName == name, "\(host)")
        }
        let other = try Pair(server: server, client: Known.client(), ServerDemand(host: "192.0.2.2", needsVerification: true))
        try other.run()
        #expect(other.heardByClient.failure?.kind == .verification)
    }

    @Test func plainTextInsteadOfAHandshakeIsRefused() throws {
        let pair = try pair()
        pair.server.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 25), promise: nil)
        try pair.server.writeInbound(ByteBuffer(string: "EHLO injected\r\nMAIL FROM:<a@b>\r\n"))
        pair.loop.advanceTime(by: .seconds(1))
        #expect(pair.heardByServer.failure?.kind == .handshake && !pair.server.isActive)
        #expect(pair.heardByServer.text.isEmpty && !pair.heardByServer.isActive)
    }

    @Test func aHandshakeThatDoesNotMoveIsEnded() throws {
        let pair = try pair()
        pair.server.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 25), promise: nil)
        pair.loop.advanceTime(by: .seconds(29))
        #expect(pair.heardByServer.failure == nil)
        pair.loop.advanceTime(by: .seconds(2))
        #expect(pair.heardByServer.failure?.kind == .timedOut && !pair.server.isActive)
    }

    /// A byte changed on its way ends the session; nothing of it is passed on.
    @Test func aForgedRecordEndsTheSession() throws {
        let pair = try pair()
        try pair.run()
        try pair.client.writeOutbound(ByteBuffer(string: "MAIL FROM:<a@b>\r\n"))
        var record = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
        let last = record.writerIndex - 1
        record.setInteger(try #require(record.getInteger(at: last, as: UInt8.self)) ^ 1, at: last)
        try pair.server.writeInbound(record)
        pair.loop.advanceTime(by: .milliseconds(1))
        #expect(pair.heardByServer.failure?.kind == .broken && pair.heardByServer.text.isEmpty && !pair.server.isActive)
    }

    @Test func theEndOfASessionIsHeard() throws {
        let pair = try pair()
        try pair.run()
        pair.client.close(mode: .output, promise: nil)
        try pair.exchange()
        #expect(pair.heardByServer.inputEnded && pair.server.isActive)
    }

    /// More handshakes than the share of a turn: all are done, none within the first turn beyond the share.
    @Test func handshakesTakeTurns() throws {
        let server = try ServerContext([Known.certificate(.init("mx.example.com"))])
        let loop = EmbeddedEventLoop()
        let turns = HandshakeTurns(on: loop)
        let context = try Known.client()
        var listeners: [Listener] = []
        var channels: [EmbeddedChannel] = []
        for _ in 0..<(3 * HandshakeTurns.share) {
            let hello = try Pair(server: server, client: context, ServerDemand(host: "mx.example.com", needsVerification: true))
            hello.client.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 25), promise: nil)
            let channel = EmbeddedChannel(loop: loop)
            let listener = Listener()
            try channel.pipeline.syncOperations.addHandlers([
                try TLSHandler(server: server, turns: turns, deadline: .seconds(30)), listener,
            ])
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 25), promise: nil)
            try channel.writeInbound(try #require(try hello.client.readOutbound(as: ByteBuffer.self)))
            listeners.append(listener)
            channels.append(channel)
        }
        func answered() throws -> Int {
            var count = 0
            for channel in channels where try channel.readOutbound(as: ByteBuffer.self) != nil { count += 1 }
            return count
        }
        #expect(try answered() == HandshakeTurns.share)
        loop.advanceTime(by: HandshakeTurns.pause)
        #expect(try answered() == HandshakeTurns.share)
        loop.advanceTime(by: HandshakeTurns.pause)
        #expect(try answered() == HandshakeTurns.share)
    }
}
