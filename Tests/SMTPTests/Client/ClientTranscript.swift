import Message
import NIOCore
import NIOEmbedded
import Testing

@testable import SMTP

/// A dialogue as text, played against a real handler on an embedded channel.
///
/// Lines: `S:` the server says (CRLF added; LF alone with `L:`), `C:` the client has said exactly this, `E:` the delegate has heard exactly
/// this;
/// `> send a@x b@x`, `> quit`, `> abort`, `> disconnect`, `> wait 300` (seconds) happen; `> ahead a@x` is what the delegate's `next`
/// returns when it is asked, `> ahead-big` and `> ahead-8bit` a message that is larger or has 8-bit content. `C: |` ends a write when
/// `marksWrites` is set.
struct ClientTranscript: Sendable, CustomTestStringConvertible {
    var name: String
    var configuration: ClientConfiguration
    var message: ClientTranscriptMessage
    var lines: [String]
    /// Every flush is a line of what the client says.
    var marksWrites = false

    init(_ name: String, message: ClientTranscriptMessage = ClientTranscriptMessage(), _ text: String) {
        self.init(name, { _ in }, message: message, text)
    }

    init(
        _ name: String, _ adjust: (inout ClientConfiguration) -> Void,
        message: ClientTranscriptMessage = ClientTranscriptMessage(), _ text: String
    ) {
        self.name = name
        var configuration = ClientConfiguration(ehloDomain: "me.test")
        adjust(&configuration)
        self.configuration = configuration
        self.message = message
        lines = text.split(separator: "\n").map { String($0.drop { $0 == " " }) }
    }

    var testDescription: String { name }
}

/// What `> send` sends.
struct ClientTranscriptMessage: Sendable {
    var content = "S: x\r\n\r\nhi\r\n"
    var needs8Bit = false
    var needsUTF8 = false
    /// Sent as a stream of pieces of this size.
    var pieceSize: Int?
}

/// Loop-confined owner of a connection in tests: writes down what it hears.
final class ClientRecordingDelegate: ClientSessionDelegate {
    var events: [String] = []
    var results: [TransactionResult] = []
    var closings: [ClientCloseReason] = []
    var unfinished: [ClientTransaction] = []
    var onFinished: (ClientHandler, TransactionResult) -> Void = { _, _ in }
    var onReady: (ClientHandler) -> Void = { _ in }
    var onNext: (ClientHandler) -> ClientTransaction? = { _ in nil }

    func ready(_ client: ClientHandler, capabilities: Capabilities) {
        events.append("ready")
        onReady(client)
    }

    func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult) {
        results.append(result)
        let parts = result.perRecipient.map { outcome in
            let origin =
                switch outcome.origin {
                case .peer: ""
                case .local: " local"
                case .transport(let ambiguous): ambiguous ? " ambiguous" : " transport"
                }
            return "\(outcome.code) \(outcome.command)\(origin)"
        }
        let between = result.interruption == .between ? " between" : ""
        events.append("result \(parts.joined(separator: ", "))\(result.sessionUsable ? "" : "; over")\(between)")
        onFinished(client, result)
    }

    func next(_ client: ClientHandler) -> ClientTransaction? { onNext(client) }

    func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?) {
        closings.append(reason)
        if let unfinished { self.unfinished.append(unfinished) }
        events.append(
            "closed \(reason.kind) \(reason.stage.map { "\($0)" } ?? "-")\(reason.wasIdle ? " idle" : "")\(unfinished == nil ? "" : " unfinished")"
        )
    }
}

/// Keeps what was written, cut where it was flushed.
final class ClientWriteRecorder: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var writes: [String] = []
    private var pending = ""

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        pending += String(buffer: unwrapOutboundIn(data))
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        if !pending.isEmpty { writes.append(pending) }
        pending = ""
        context.flush()
    }
}

/// Plays a transcript.
final class ClientTranscriptPlayer {
    let transcript: ClientTranscript
    let channel: EmbeddedChannel
    let delegate = ClientRecordingDelegate()
    let handler: ClientHandler
    let recorder = ClientWriteRecorder()
    var said = ""
    var sent = 0
    /// What `next` returns, in order.
    var upcoming: [ClientTransaction] = []

    init(_ transcript: ClientTranscript) throws {
        self.transcript = transcript
        handler = ClientHandler(configuration: transcript.configuration, delegate: delegate)
        channel = EmbeddedChannel(handlers: [recorder, handler])
        delegate.onNext = { [unowned self] _ in
            guard !upcoming.isEmpty else { return nil }
            sent += 1
            return upcoming.removeFirst()
        }
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
    }

    /// - Parameter cut: how many of the given number of bytes to feed next.
    /// - Returns: when `limit` server lines were fed it stops there.
    func play(limit: Int = .max, checks: Bool = true, cut: (Int) -> Int) throws {
        var fed = 0
        var at = 0
        let lines = transcript.lines
        while at < lines.count {
            let kind = lines[at].prefix(2)
            var group: [String] = []
            while at < lines.count, lines[at].hasPrefix(kind) {
                group.append(String(lines[at].dropFirst(3 - (kind == "> " ? 1 : 0))))
                at += 1
                if kind == "> " { break }
                if kind == "S:" || kind == "L:" {
                    fed += 1
                    if fed == limit { break }
                }
            }
            if kind != "C:", checks { #expect(said.isEmpty, "unexpected output before line \(at)") }
            if kind != "E:", kind != "C:", checks { #expect(delegate.events.isEmpty, "unexpected events before line \(at)") }
            switch kind {
            case "S:": try feed(group.map { $0 + "\r\n" }.joined(), cut: cut)
            case "L:": try feed(group.map { $0 + "\n" }.joined(), cut: cut)
            case "C:":
                if checks { #expect(said == group.map { $0 + "\r\n" }.joined(), "line \(at)") }
                said = ""
            case "E:":
                if checks { #expect(delegate.events == group, "line \(at)") }
                delegate.events = []
            default: try act(group[0])
            }
            if fed == limit { return }
        }
        if checks {
            #expect(said.isEmpty)
            #expect(delegate.events.isEmpty)
        }
    }

    func feed(_ text: String, cut: (Int) -> Int) throws {
        var rest = ByteBuffer(string: text)
        while rest.readableBytes > 0, channel.isActive {
            let piece = rest.readSlice(length: cut(rest.readableBytes))!
            try channel.writeInbound(piece)
            try collect()
        }
    }

    func collect() throws {
        channel.embeddedEventLoop.run()
        var bytes = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += String(buffer: buffer) }
        #expect(bytes == recorder.writes.joined(), "written but not flushed, or the other way round")
        said += recorder.writes.map { $0 + (transcript.marksWrites ? "|\r\n" : "") }.joined()
        recorder.writes = []
    }

    func act(_ action: String) throws {
        let words = action.split(separator: " ").map(String.init)
        switch words[0] {
        case "send":
            if handler.send(transcript.message.transaction(to: Array(words.dropFirst()))) { sent += 1 }
        case "ahead": upcoming.append(transcript.message.transaction(to: Array(words.dropFirst())))
        case "ahead-big", "ahead-8bit":
            var message = transcript.message
            if words[0] == "ahead-big" { message.content += String(repeating: "x", count: 2000) }
            message.needs8Bit = words[0] == "ahead-8bit"
            upcoming.append(message.transaction(to: Array(words.dropFirst())))
        case "quit": handler.quit()
        case "abort": handler.abort()
        case "disconnect": disconnect()
        case "wait": channel.embeddedEventLoop.advanceTime(by: .seconds(Int64(words[1])!))
        default: Issue.record("unknown line \(action)")
        }
        try collect()
    }

    func disconnect() {
        channel.close(promise: nil)
        channel.embeddedEventLoop.run()
    }
}

extension ClientTranscriptMessage {
    func transaction(to recipients: [String]) -> ClientTransaction {
        let bytes = ByteBuffer(string: content)
        let split = min(content.utf8.count, 8)
        var body = ClientBody.inline(bytes.getSlice(at: split, length: bytes.readableBytes - split)!)
        if let pieceSize {
            let whole = bytes.getSlice(at: split, length: bytes.readableBytes - split)!
            body = .streamed(length: whole.readableBytes) { offset, reply in
                reply(.success(whole.getSlice(at: offset, length: min(pieceSize, whole.readableBytes - offset))!))
            }
        }
        return ClientTransaction(
            sender: Self.address("from@a.test"), recipients: recipients.map(Self.address),
            headers: bytes.getSlice(at: 0, length: split)!, body: body, needs8Bit: needs8Bit, needsUTF8: needsUTF8)
    }

    static func address(_ text: String) -> EnvelopeAddress {
        let at = text.lastIndex(of: "@")!
        return EnvelopeAddress(localPart: String(text[..<at]), domain: String(text[text.index(after: at)...]))
    }
}

/// A small generator with a seed that can be printed.
struct ClientTestRandom: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let x = state
        return (x ^ (x >> 29)) &* 0xBF58_476D_1CE4_E5B9
    }
}
