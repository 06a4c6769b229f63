import NIOCore
import NIOEmbedded
import Platform
import TestSupport
import Testing

@testable import SMTP
@testable import TLS

/// STARTTLS (RFC 3207), with a client of our own at the other end of the bytes.
@Suite struct StartTLSTests {
    private static let authority = TestAuthority()

    /// A server that has the certificate, and a client that may start TLS. *Loop-confined.*
    private final class Rig {
        let server: ServerHarness
        private let loop: EmbeddedEventLoop
        private let client: EmbeddedChannel
        private let heard = Heard()
        var clientFacts: TLSFacts? { heard.facts }

        /// - Parameter isImplicit: TLS comes first.
        init(_ configuration: ServerConfiguration, isImplicit: Bool = false) throws {
            let pair = StartTLSTests.authority.issue(.init("mx.test"))
            let certificate = try Certificate(
                certificate: pair.certificate, key: pair.key, certificateName: "c", keyName: "k",
                now: WallInstant.now().unixNanoseconds / 1_000_000_000)
            loop = EmbeddedEventLoop()
            let turns = HandshakeTurns(on: loop)
            let start = TLSStart(ServerIdentity(try ServerContext([certificate])), turns: turns, deadline: .seconds(30))
            server = try ServerHarness(configuration, tls: start, loop: loop, connect: false)
            if isImplicit {
                try server.channel.pipeline.syncOperations.addHandler(start.makeHandler(), position: .before(server.handler))
            }
            try server.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 40_000)).wait()
            client = EmbeddedChannel(loop: loop)
            let context = try ClientContext(authorities: Authorities(StartTLSTests.authority.pem, named: "ca"))
            let demand = ServerDemand(host: "mx.test", needsVerification: true)
            try client.pipeline.syncOperations.addHandlers([
                try TLSHandler(client: context, demand, turns: turns, deadline: .seconds(30)), heard,
            ])
        }

        /// The handshake, and what follows it by itself.
        func secure() throws {
            server.collect()
            try client.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
            try exchange()
        }

        /// Says something encrypted; answers what the server says to it.
        func say(_ text: String) throws -> String {
            let before = heard.text.utf8.count
            try client.writeOutbound(ByteBuffer(string: text))
            try exchange()
            return String(decoding: Array(heard.text.utf8)[before...], as: UTF8.self)
        }

        var greeting: String { heard.text }

        private func exchange() throws {
            var isMoving = true
            while isMoving {
                isMoving = false
                while let bytes = try client.readOutbound(as: ByteBuffer.self) {
                    isMoving = true
                    if server.channel.isActive { try server.channel.writeInbound(bytes) }
                }
                while let bytes = try server.channel.readOutbound(as: ByteBuffer.self) {
                    isMoving = true
                    if client.isActive { try client.writeInbound(bytes) }
                }
                loop.advanceTime(by: HandshakeTurns.pause)
            }
        }
    }

    private final class Heard: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var text = ""
        var facts: TLSFacts?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSEvent.established(let facts) = event { self.facts = facts }
        }
    }

    private static var offering: ServerConfiguration {
        var configuration = ServerConfiguration.test
        configuration.offersTLS = true
        return configuration
    }

    @Test func aSessionBeginsAnewInsideTLS() throws {
        let rig = try Rig(Self.offering)
        #expect(try rig.server.say("EHLO before\r\n").contains("\r\n250 STARTTLS\r\n"))
        #expect(try rig.server.say("STARTTLS\r\n") == "220 2.0.0 Ready to start TLS\r\n")
        try rig.secure()
        #expect(rig.clientFacts?.verification == .verified && rig.greeting.isEmpty)
        #expect(try rig.say("MAIL FROM:<a@b.test>\r\n") == "503 5.5.0 say EHLO first\r\n")
        let extensions = try rig.say("EHLO inside\r\n")
        #expect(extensions.hasPrefix("250-mx.test Aloha inside\r\n") && !extensions.contains("STARTTLS"))
        #expect(try rig.say("STARTTLS\r\n") == "503 5.5.1 TLS is already in use\r\n")
        #expect(
            try rig.say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
                == "250 OK\r\n250 OK\r\n354 Send body; end with CRLF.CRLF\r\n")
        #expect(try rig.say("Subject: x\r\n\r\nhello\r\n.\r\n") == "250 OK ids=1\r\n")
        #expect(rig.server.delegate.contents == [Array("Subject: x\r\n\r\nhello\r\n".utf8)])
        #expect(rig.server.delegate.events.contains("secured TLSv1.3") && rig.server.delegate.facts?.protocolName == "ESMTPS")
        #expect(try rig.say("QUIT\r\n").hasPrefix("221 "))
    }

    @Test func implicitTLSComesBeforeTheGreeting() throws {
        let rig = try Rig(.test, isImplicit: true)
        #expect(rig.server.delegate.events.isEmpty)
        try rig.secure()
        #expect(rig.greeting == "220 mx.test Apus\r\n")
        #expect(try !rig.say("EHLO inside\r\n").contains("STARTTLS"))
        #expect(try rig.say("STARTTLS\r\n") == "502 5.5.1 this extension is not offered here\r\n")
    }

    /// CVE-2011-0411: commands that came in clear must not be obeyed as if they had come encrypted.
    @Test(arguments: [
        "STARTTLS\r\nMAIL FROM:<a@b.test>\r\n", "STARTTLS\r\nEHLO injected\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n",
        "STARTTLS\r\n\r\n", "STARTTLS\r\nX", "NOOP\r\nSTARTTLS\r\nNOOP\r\n",
    ])
    func whatFollowsSTARTTLSInClearEndsTheSession(text: String) throws {
        let rig = try Rig(Self.offering)
        try rig.server.send("EHLO before\r\n")
        let reply = try rig.server.say(text)
        #expect(reply.hasSuffix("554 5.5.1 mx.test nothing may follow STARTTLS\r\n") && !reply.contains("220"))
        #expect(!rig.server.isOpen)
        #expect(!rig.server.delegate.events.contains { $0.hasPrefix("mail") || $0 == "ehlo injected" })
        #expect(rig.server.delegate.events.contains("rejected [STARTTLS] 554"))
    }

    /// The same behind the 220, and in the pieces of a client that waits for nothing: no handshake begins with a command.
    @Test(arguments: ["EHLO injected\r\nMAIL FROM:<a@b.test>\r\n", "\r\n", "\u{16}\u{3}\u{1}\u{0}\u{2}hi"])
    func whatFollowsThe220InClearEndsTheSession(text: String) throws {
        let rig = try Rig(Self.offering)
        try rig.server.send("EHLO before\r\n")
        #expect(try rig.server.say("STARTTLS\r\n") == "220 2.0.0 Ready to start TLS\r\n")
        try rig.server.send(text)
        rig.server.advance(31)
        #expect(!rig.server.channel.isActive)
        #expect(
            rig.server.delegate.events.suffix(2) == ["encryption failed handshake", "closed"]
                || rig.server.delegate.events.suffix(2) == ["encryption failed timedOut", "closed"])
        #expect(!rig.server.delegate.events.contains { $0.hasPrefix("mail") || $0 == "ehlo injected" })
    }

    @Test func itIsOutOfPlaceInATransactionAndWithoutACertificate() throws {
        let rig = try Rig(Self.offering)
        try rig.server.send("EHLO before\r\nMAIL FROM:<a@b.test>\r\n")
        #expect(try rig.server.say("STARTTLS\r\n").hasPrefix("503 5.5.0"))
        #expect(try rig.server.say("STARTTLS now\r\n").hasPrefix("501 5.5.4"))
        let plain = try ServerHarness()
        #expect(try !plain.say("EHLO before\r\n").contains("STARTTLS"))
        #expect(try plain.say("STARTTLS\r\n").hasPrefix("502 5.5.1"))
    }

    @Test func aHandshakeThatStandsStillIsEnded() throws {
        let rig = try Rig(Self.offering)
        try rig.server.send("EHLO before\r\nSTARTTLS\r\n")
        rig.server.advance(29)
        #expect(rig.server.channel.isActive)
        rig.server.advance(2)
        #expect(!rig.server.channel.isActive && rig.server.delegate.events.suffix(2) == ["encryption failed timedOut", "closed"])
    }

    @Test func aStopWithinTheHandshakeEndsIt() throws {
        let rig = try Rig(Self.offering)
        try rig.server.send("EHLO before\r\nSTARTTLS\r\n")
        rig.server.handler.shutdown()
        rig.server.advance(31)
        #expect(!rig.server.channel.isActive && rig.server.delegate.events.last == "closed")
    }
}
