import NIOCore
import NIOPosix
import Synchronization
import TLS
import TestSupport
import Testing

/// A client of SMTP that may start TLS, or begins with it. *Shared.*
final class EncryptedClient: Sendable {
    /// What was heard. *Shared.*
    private final class Heard: Sendable {
        let state = Mutex<(text: String, facts: TLSFacts?, isOver: Bool)>(("", nil, false))
    }

    private let channel: any Channel
    private let heard = Heard()
    private let trust: ClientContext

    /// Connects. Without `isImplicit` the greeting is waited for.
    init(port: Int, isImplicit: Bool = false) async throws {
        let trust = try TestAuthority().trust()  // which vouches for nobody here: what is tested is the server
        self.trust = trust
        let heard = heard
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isImplicit { try channel.pipeline.syncOperations.addHandler(Self.call(trust, channel)) }
                    try channel.pipeline.syncOperations.addHandler(Ear(heard))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try await expectEventually("a greeting") { self.heard.state.withLock { $0.text.contains("\r\n") || $0.isOver } }
        heard.state.withLock { $0.text = "" }
    }

    private static func call(_ trust: ClientContext, _ channel: any Channel) throws -> TLSHandler {
        try TLSCall(
            trust, ServerDemand(host: "node.test", needsVerification: false), turns: HandshakeTurns(on: channel.eventLoop),
            deadline: .seconds(60)
        ).makeHandler()
    }

    /// Says one line and waits for a whole reply.
    @discardableResult func say(_ line: String) async throws -> String {
        heard.state.withLock { $0.text = "" }
        try await channel.writeAndFlush(ByteBuffer(string: line + "\r\n"))
        try await expectEventually("a reply to \(line)") { self.heard.state.withLock { $0.isOver || Self.isWhole($0.text) } }
        return heard.state.withLock { $0.text }
    }

    private static func isWhole(_ text: String) -> Bool {
        guard text.hasSuffix("\r\n"), let last = text.split(separator: "\r\n").last else { return false }
        return last.dropFirst(3).first != "-"
    }

    /// Starts TLS behind the reply to STARTTLS.
    func secure() async throws {
        let (channel, trust) = (channel, trust)
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(Self.call(trust, channel), position: .first)
        }.get()
        try await expectEventually("a handshake") { self.facts != nil }
    }

    var facts: TLSFacts? { heard.state.withLock { $0.facts } }

    func close() async throws { try await channel.close() }

    /// *Loop-confined.*
    private final class Ear: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let heard: Heard

        init(_ heard: Heard) { self.heard = heard }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            heard.state.withLock { $0.text += text }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSEvent.established(let facts) = event { heard.state.withLock { $0.facts = facts } }
        }

        func channelInactive(context: ChannelHandlerContext) { heard.state.withLock { $0.isOver = true } }
    }
}
