import NIOCore
import NIOEmbedded
import Platform
import TestSupport

@testable import TLS

/// A client and a server whose bytes go from one to the other as the test says. *Loop-confined.*
final class Pair {
    let loop = EmbeddedEventLoop()
    let client: EmbeddedChannel
    let server: EmbeddedChannel
    let heardByClient = Listener()
    let heardByServer = Listener()
    /// Octets that go over in one read.
    var piece = Int.max

    init(
        server context: ServerContext, client clientContext: ClientContext, _ demand: ServerDemand, turns: HandshakeTurns? = nil
    ) throws {
        let turns = turns ?? HandshakeTurns(on: loop)
        client = EmbeddedChannel(loop: loop)
        server = EmbeddedChannel(loop: loop)
        try server.pipeline.syncOperations.addHandlers([
            try TLSHandler(server: context, turns: turns, deadline: .seconds(30)), heardByServer,
        ])
        try client.pipeline.syncOperations.addHandlers([
            try TLSHandler(client: clientContext, demand, turns: turns, deadline: .seconds(30)), heardByClient,
        ])
    }

    /// Connects both, and lets the bytes run until nothing moves.
    func run() throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 25)
        server.connect(to: address, promise: nil)
        client.connect(to: address, promise: nil)
        try exchange()
    }

    /// Lets the bytes run until nothing moves.
    func exchange() throws {
        var isMoving = true
        while isMoving {
            isMoving = false
            for (from, to) in [(client, server), (server, client)] {
                while let bytes = try from.readOutbound(as: ByteBuffer.self) {
                    isMoving = true
                    try carry(bytes, to)
                }
            }
            loop.advanceTime(by: HandshakeTurns.pause)
        }
    }

    private func carry(_ bytes: ByteBuffer, _ to: EmbeddedChannel) throws {
        var bytes = bytes
        while to.isActive, let part = bytes.readSlice(length: min(piece, bytes.readableBytes)), part.readableBytes > 0 {
            try to.writeInbound(part)
        }
    }

    /// Says something, and hears what arrives at the other side.
    func say(_ text: String, from: EmbeddedChannel) throws {
        try from.writeOutbound(ByteBuffer(string: text))
        try exchange()
    }
}

/// Notes what comes out of a TLS handler. *Loop-confined.*
final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var text = ""
    private(set) var facts: TLSFacts?
    private(set) var failure: TLSFailure?
    private(set) var isActive = false
    private(set) var inputEnded = false

    func channelActive(context: ChannelHandlerContext) { isActive = true }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSEvent.established(let facts): self.facts = facts
        case TLSEvent.failed(let failure): self.failure = failure
        case ChannelEvent.inputClosed: inputEnded = true
        default: break
        }
    }
}

/// What most tests of TLS start from. *Shared.*
enum Known {
    static let authority = TestAuthority()
    /// Seconds since 1970, about now.
    static var now: Int64 { WallInstant.now().unixNanoseconds / 1_000_000_000 }

    static func certificate(_ request: TestAuthority.Request) throws -> Certificate {
        let pair = authority.issue(request)
        return try Certificate(
            certificate: pair.certificate, key: pair.key, certificateName: "tls.crt", keyName: "tls.key", now: now)
    }

    static func client(capacity: Int = 100) throws -> ClientContext {
        try ClientContext(authorities: Authorities(authority.pem, named: "ca.pem"), capacity: capacity)
    }
}
