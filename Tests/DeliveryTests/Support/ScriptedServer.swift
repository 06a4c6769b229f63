import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A server that answers each line as a test says, and notes what it was told. *Shared.*
final class ScriptedServer: Sendable {
    /// What the server does with a line. *Value.*
    enum Step: Sendable, Equatable {
        /// Writes a reply.
        case say(String)
        /// Writes a reply and hangs up.
        case sayAndClose(String)
        /// Hangs up.
        case close
        /// Says nothing, so that the test may have it speak later.
        case silence
    }

    /// What is said to a line of the client (or to its connecting: `CONNECT`, or to a whole content: `.`), given how many connections there were.
    typealias Script = @Sendable (_ line: String, _ connection: Int) -> Step

    private let record = Record()
    private let channel: any Channel
    let port: Int

    /// Listens on a free port of 127.0.0.1.
    init(_ group: any EventLoopGroup, _ script: @escaping Script) throws {
        channel = try ServerBootstrap(group: group)
            .childChannelInitializer { [record] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Conversation(record, script))
                }
            }.bind(host: "127.0.0.1", port: 0).wait()
        port = channel.localAddress?.port ?? 0
    }

    /// What all clients said, without contents.
    var lines: [String] { record.state.withLock { $0.lines } }
    /// How many connections there were.
    var connections: Int { record.state.withLock { $0.channels.count } }

    /// Has every open connection say something.
    func say(_ text: String) {
        for channel in record.state.withLock({ $0.channels }) { channel.writeAndFlush(ByteBuffer(string: text + "\r\n"), promise: nil) }
    }

    /// Ends every open connection.
    func hangUp() { for channel in record.state.withLock({ $0.channels }) { channel.close(promise: nil) } }

    /// Listens no more.
    func stop() { try? channel.close().wait() }
}

/// What happened at a server. *Shared.*
private final class Record: Sendable {
    struct State {
        var lines: [String] = []
        var channels: [any Channel] = []
    }

    let state = Mutex(State())

    /// The number of the connection, from 1.
    func opened(_ channel: any Channel) -> Int {
        state.withLock {
            $0.channels.append(channel)
            return $0.channels.count
        }
    }

    func note(_ line: String) { state.withLock { $0.lines.append(line) } }
}

/// One connection. *Loop-confined.*
private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let record: Record
    private let script: ScriptedServer.Script
    private var text = ""
    private var isContent = false
    private var number = 0

    init(_ record: Record, _ script: @escaping ScriptedServer.Script) {
        self.record = record
        self.script = script
    }

    func channelActive(context: ChannelHandlerContext) {
        number = record.opened(context.channel)
        perform(script("CONNECT", number), context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        while let end = text.range(of: "\r\n") {
            let line = String(text[..<end.lowerBound])
            text.removeSubrange(..<end.upperBound)
            if isContent {
                guard line == "." else { continue }
                isContent = false
            }
            record.note(line)
            let step = script(line, number)
            if case .say(let reply) = step, reply.hasPrefix("354") { isContent = true }
            perform(step, context)
        }
    }

    private func perform(_ step: ScriptedServer.Step, _ context: ChannelHandlerContext) {
        switch step {
        case .silence: break
        case .close: context.close(promise: nil)
        case .say(let reply): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: reply + "\r\n")), promise: nil)
        case .sayAndClose(let reply):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: reply + "\r\n")), promise: nil)
            context.close(promise: nil)
        }
    }
}
