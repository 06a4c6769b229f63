import Message
import NIOCore
import TLS

/// Entry points for the fuzzers: any bytes may go in, a broken invariant traps. A namespace.
public enum SMTPFuzzing {
    /// Parses `bytes` as one command line.
    public static func command(_ bytes: UnsafeRawBufferPointer) {
        switch Command.parse(bytes) {
        case .command(let command): precondition(!command.verb.isEmpty)
        case .fault(let reply, _):
            precondition(reply.reply.code >= 500, "a fault must have a permanent reply")
            var wire = ByteBuffer()
            reply.reply.encode(into: &wire)
            precondition(String(buffer: wire) == reply.wire.description, "a fixed reply must be canonical")
        }
    }

    /// Plays `bytes` as a client, whole, byte by byte and cut at places the bytes themselves choose: the replies and the
    /// messages must be the same, and the messages must keep the limits.
    public static func session(_ bytes: UnsafeRawBufferPointer) {
        for endings in [ServerConfiguration.LineEndings.deny, .allow, .fix] {
            var configuration = ServerConfiguration(hostname: "fuzz")
            configuration.invalidLineEndings = endings
            configuration.maxMessageSize = 600
            configuration.lineLengthHardLimit = 40
            configuration.streamThreshold = 64
            configuration.streamPiece = 32
            configuration.maxRecipientsPerMessage = 3
            configuration.maxMessagesPerConnection = 5
            let whole = FuzzClient.play(bytes, configuration) { _ in bytes.count }
            let single = FuzzClient.play(bytes, configuration) { _ in 1 }
            var seed = bytes.reduce(UInt64(0x9E37_79B9_7F4A_7C15)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            let cut = FuzzClient.play(bytes, configuration) { _ in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(seed >> 33) % 70 + 1
            }
            precondition(whole == single, "whole and byte by byte differ")
            precondition(whole == cut, "whole and cut at random differ")
        }
    }
}

/// A client that sends given bytes, and a delegate that decides by their content alone. *Loop-confined*, without a loop.
private final class FuzzClient: ServerSessionDelegate {
    private var trace: [UInt8] = []
    private let configuration: ServerConfiguration
    private var streamed: [UInt8] = []
    private var isOver = false

    private init(_ configuration: ServerConfiguration) { self.configuration = configuration }

    /// Plays a session; returns all replies and everything the delegate was told.
    static func play(
        _ bytes: UnsafeRawBufferPointer, _ configuration: ServerConfiguration, _ step: (Int) -> Int
    ) -> [[UInt8]] {
        let client = FuzzClient(configuration)
        let session = ServerSession(configuration: configuration, facts: SessionFacts(id: 1), delegate: client)
        var replies: [UInt8] = []
        func drain() {
            repeat {
                replies += session.output.readableBytesView
                session.output.clear()
                session.advance(now: 1)
            } while session.output.readableBytes > 0
        }
        session.begin(now: 0)
        drain()
        var index = 0
        while index < bytes.count {
            let count = min(max(step(index), 1), bytes.count - index)
            session.receive(ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[index..<(index + count)])), now: 1)
            drain()
            precondition(session.input.readableBytes <= configuration.maxCommandLine, "a waiting session holds input")
            precondition(
                session.reader.content.readableBytes <= configuration.maxMessageSize, "held content is beyond the limit")
            index += count
        }
        session.end()
        precondition(client.isOver, "closed() was not called")
        return [replies, client.trace]
    }

    private func note(_ text: String) { trace += Array(text.utf8) + [0] }

    func connected(_ session: ServerSession, reply: @escaping (Verdict) -> Void) { reply(.accept(nil)) }

    func hello(_ session: ServerSession, domain: String, extended: Bool, reply: @escaping (Verdict) -> Void) {
        note("hello \(domain)")
        reply(domain.utf8.first == UInt8(ascii: "x") ? .reject(Reply(550, nil, "no")) : .accept(nil))
    }

    func secured(_ session: ServerSession) { preconditionFailure("TLS is not offered") }

    func encryptionFailed(_ session: ServerSession, _ failure: TLSFailure) { preconditionFailure("TLS is not offered") }

    func mail(
        _ session: ServerSession, sender: EnvelopeAddress, parameters: MailParameters,
        reply: @escaping (Verdict) -> Void
    ) {
        note("mail \(sender.text)")
        reply(.accept(nil))
    }

    func recipient(_ session: ServerSession, recipient: EnvelopeAddress, reply: @escaping (Verdict) -> Void) {
        note("rcpt \(recipient.text)")
        switch recipient.localPart.utf8.first {
        case UInt8(ascii: "x"): reply(.reject(Reply(550, EnhancedStatus(5, 1, 1), "no such user")))
        case UInt8(ascii: "y"): reply(.disconnect(Reply(421, nil, "go away")))
        default: reply(.accept(nil))
        }
    }

    func bodyChunk(_ session: ServerSession, chunk: ByteBuffer, proceed: @escaping (Verdict) -> Void) {
        precondition(chunk.readableBytes > 0 && session.streamedHead != nil, "an empty piece, or one without a head")
        streamed += chunk.readableBytesView
        proceed(.accept(nil))
    }

    func message(_ session: ServerSession, transaction: ReceivedTransaction, reply: @escaping (Verdict) -> Void) {
        precondition(streamed.count == transaction.streamedBytes, "streamed octets were lost")
        let content = Array(transaction.data.readableBytesView) + streamed
        streamed = []
        precondition(content.count <= configuration.maxMessageSize, "an oversized message was accepted")
        precondition((1...configuration.maxRecipientsPerMessage).contains(transaction.recipients.count))
        precondition(transaction.is8bit == content.contains { $0 > 127 }, "8-bit content was not noticed")
        if configuration.invalidLineEndings != .allow { checkLines(content) }
        trace += content + [0]
        reply(content.first == UInt8(ascii: "x") ? .reject(Reply(554, nil, "no")) : .accept(nil))
    }

    private func checkLines(_ content: [UInt8]) {
        var length = 0
        for (index, byte) in content.enumerated() {
            let next = index + 1 < content.count ? content[index + 1] : 0
            switch byte {
            case 0x0D: precondition(next == 0x0A, "a lone CR was accepted")
            case 0x0A:
                precondition(index > 0 && content[index - 1] == 0x0D, "a lone LF was accepted")
                length = 0
            default:
                length += 1
                precondition(length <= configuration.lineLengthHardLimit, "an overlong line was accepted")
            }
        }
    }

    func aborted(_ session: ServerSession) { streamed = [] }

    func rejected(_ session: ServerSession, command: String, reply: Reply) {
        precondition(reply.code >= 400, "a positive reply is no rejection")
        note("rejected \(command)")
    }

    func closed(_ session: ServerSession) { isOver = true }
}
