import Glibc
import NIOCore
import NIOPosix
import Synchronization
package import TLS

/// A server of SMTP or LMTP that does what a test says, and writes down what it hears. *Shared*: its test owns it.
package final class ScriptedPeer: Sendable {
    /// What happens in one connection. *Value.*
    package struct Event: Sendable {
        /// Counted from 1.
        package var connection: Int
        /// `connect`, a verb in upper case, or `.` for the end of the content.
        package var verb: String
        /// How often this verb came in this connection, this time included.
        package var count: Int
        package var line: String
    }

    /// *Value.*
    package enum Answer: Sendable {
        /// The usual.
        case usual
        /// These bytes.
        case say(String)
        case hangUp
        case sayAndHangUp(String)
        case silence
        /// Nothing, now and ever.
        case dead
        /// The usual, so many milliseconds later. What comes meanwhile waits.
        case late(Int)
    }

    /// *Value.* One line as it was heard; times are monotonic nanoseconds.
    package struct Heard: Sendable {
        package var time: Int64
        package var event: Event
    }

    package typealias Script = @Sendable (Event) -> Answer

    package let port: Int
    private let channel: any Channel
    private let shared: Shared

    fileprivate final class Shared: Sendable {
        let script: Script
        let keywords: [String]
        let lineEnd: String
        let identity: ServerIdentity?
        let heard = Mutex<[Heard]>([])
        let channels = Mutex<[any Channel]>([])

        init(script: @escaping Script, keywords: [String], lineEnd: String, identity: ServerIdentity?) {
            self.identity = identity
            self.script = script
            self.keywords = keywords
            self.lineEnd = lineEnd
        }
    }

    /// - Parameter identity: what it shows to clients that start TLS; with it STARTTLS is offered.
    package init(
        keywords: [String] = ["PIPELINING", "8BITMIME", "SMTPUTF8"], lineEnd: String = "\r\n", host: String = "127.0.0.1",
        identity: ServerIdentity? = nil,
        script: @escaping Script = { _ in .usual }
    ) async throws {
        let shared = Shared(script: script, keywords: keywords, lineEnd: lineEnd, identity: identity)
        self.shared = shared
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Session(shared)) }
            }
            .bind(host: host, port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    package func stop() async { try? await channel.close().get() }

    /// Has every connection say something: what was asked for with `.silence` before.
    package func say(_ text: String) {
        for channel in shared.channels.withLock({ $0 }) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
    }

    package var connections: Int { shared.channels.withLock { $0.count } }
    package var heard: [Heard] { shared.heard.withLock { $0 } }

    /// The times at which a verb came, in order.
    package func times(_ verb: String) -> [Int64] { heard.filter { $0.event.verb == verb }.map(\.time).sorted() }
    package func lines(_ verb: String) -> [String] { heard.filter { $0.event.verb == verb }.map(\.event.line) }

    /// The most events within any window of that length, both ends included.
    package static func most(_ times: [Int64], within length: Int64) -> Int {
        var first = 0
        var most = 0
        for (index, time) in times.enumerated() {
            while times[first] < time - length { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }
}

/// One connection. *Loop-confined.*
private final class Session: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let shared: ScriptedPeer.Shared
    private var number = 0
    private var input = ""
    private var counts: [String: Int] = [:]
    private var isContent = false
    /// Octets of a BDAT that are still to come.
    private var chunk = 0
    private var recipients = 0
    private var isBusy = false
    private var isSecure = false
    private var isOver = false

    init(_ shared: ScriptedPeer.Shared) {
        self.shared = shared
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        number = shared.channels.withLock { channels in
            channels.append(channel)
            return channels.count
        }
        take("connect", "", context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input += String(buffer: unwrapInboundIn(data))
        advance(context)
    }

    private func advance(_ context: ChannelHandlerContext) {
        while !isBusy, !isOver {
            if chunk > 0 {
                guard input.utf8.count >= chunk else { return }
                input = String(decoding: input.utf8.dropFirst(chunk), as: UTF8.self)
                chunk = 0
                take(".", "BDAT", context)
                continue
            }
            guard let end = input.range(of: "\r\n") else { return }
            let line = String(input[..<end.lowerBound])
            input.removeSubrange(..<end.upperBound)
            if isContent {
                guard line == "." else { continue }
                isContent = false
                take(".", line, context)
            } else if line.hasPrefix("BDAT") {
                chunk = Int(line.split(separator: " ")[1]) ?? 0
            } else {
                take(String(line.prefix { $0 != " " }).uppercased(), line, context)
            }
        }
    }

    private func take(_ verb: String, _ line: String, _ context: ChannelHandlerContext) {
        counts[verb, default: 0] += 1
        let event = ScriptedPeer.Event(connection: number, verb: verb, count: counts[verb, default: 0], line: line)
        shared.heard.withLock { $0.append(ScriptedPeer.Heard(time: Int64(NIODeadline.now().uptimeNanoseconds), event: event)) }
        switch shared.script(event) {
        case .usual: usual(verb, context)
        case .say(let text): say(text, context)
        case .silence: break
        case .dead: isOver = true
        case .hangUp: hangUp(context)
        case .sayAndHangUp(let text):
            say(text, context)
            hangUp(context)
        case .late(let milliseconds):
            isBusy = true
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                self.isBusy = false
                guard context.channel.isActive else { return }
                self.usual(verb, context)
                self.advance(context)
            }
        }
    }

    private func usual(_ verb: String, _ context: ChannelHandlerContext) {
        let end = shared.lineEnd
        switch verb {
        case "connect": say("220 peer.test\(end)", context)
        case "EHLO", "LHLO":
            let keywords = shared.keywords + (shared.identity != nil && !isSecure ? ["STARTTLS"] : [])
            say((["peer.test"] + keywords).map { "250-\($0)\(end)" }.joined() + "250 HELP\(end)", context)
        case "STARTTLS":
            guard let identity = shared.identity else { return say("502 no\(end)", context) }
            say("220 go ahead\(end)", context)
            let start = TLSStart(identity, turns: HandshakeTurns(on: context.eventLoop), deadline: .seconds(30))
            guard let handler = try? start.makeHandler() else { return hangUp(context) }
            try? context.pipeline.syncOperations.addHandler(handler, position: .before(self))
            isSecure = true
        case "MAIL":
            recipients = 0
            say("250 OK\(end)", context)
        case "RCPT":
            recipients += 1
            say("250 OK\(end)", context)
        case "DATA":
            isContent = true
            say("354 go ahead\(end)", context)
        case ".": say("250 2.0.0 queued\(end)", context)
        case "QUIT":
            say("221 bye\(end)", context)
            hangUp(context)
        default: say("250 OK\(end)", context)
        }
    }

    private func say(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    private func hangUp(_ context: ChannelHandlerContext) {
        isOver = true
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension String {
    /// Where `part` is; a "\r\n" is one character, so this looks at scalars.
    fileprivate func range(of part: String) -> Range<String.Index>? {
        guard let found = unicodeScalars.firstRange(of: Array(part.unicodeScalars)) else { return nil }
        return found
    }
}
