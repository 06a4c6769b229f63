import NIOCore
import NIOEmbedded
import TLS

@testable import SMTP

/// Counts what passes the edge of the pipeline. *Loop-confined.*
final class ServerEdgeCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    var reads = 0
    var writes = 0
    var flushes = 0
    var closes: [CloseMode] = []

    func read(context: ChannelHandlerContext) {
        reads += 1
        context.read()
    }
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        writes += 1
        context.write(data, promise: promise)
    }
    func flush(context: ChannelHandlerContext) {
        flushes += 1
        context.flush()
    }
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        closes.append(mode)
        // The embedded channel knows no half closure: the test's client closes when it likes.
        if mode == .all { context.close(mode: mode, promise: promise) } else { promise?.succeed(()) }
    }
}

/// A server session on an embedded channel. *Loop-confined.*
final class ServerHarness {
    let delegate: ScriptedDelegate
    let channel: EmbeddedChannel
    let edge = ServerEdgeCounter()
    let handler: ServerHandler
    private(set) var replies = ""

    init(
        _ configuration: ServerConfiguration = .test, tls: TLSStart? = nil, loop: EmbeddedEventLoop = EmbeddedEventLoop(),
        connect: Bool = true, prepare: (ScriptedDelegate) -> Void = { _ in }
    ) throws {
        delegate = ScriptedDelegate()
        prepare(delegate)
        handler = ServerHandler(configuration: configuration, delegate: delegate, tls: tls)
        channel = EmbeddedChannel(handlers: [edge, handler], loop: loop)
        if connect {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 40_000)).wait()
            collect()
        }
    }

    var isOpen: Bool { channel.isActive && edge.closes.isEmpty }

    /// Feeds bytes in pieces of the given sizes, answering deferred verdicts after each.
    func feed(_ bytes: [UInt8], pieces: () -> Int) throws {
        var index = 0
        while index < bytes.count, channel.isActive {
            let count = min(max(pieces(), 1), bytes.count - index)
            try channel.writeInbound(ByteBuffer(bytes: bytes[index..<(index + count)]))
            index += count
            settle()
        }
    }

    func send(_ text: String) throws {
        try feed(Array(text.utf8)) { Int.max }
    }

    /// Sends text and returns what the server said to it.
    func say(_ text: String) throws -> String {
        collect()
        let before = replies.utf8.count
        try send(text)
        return String(decoding: Array(replies.utf8)[before...], as: UTF8.self)
    }

    func settle() {
        while delegate.isWaiting { delegate.answer() }
        collect()
    }

    func collect() {
        while let buffer = try? channel.readOutbound(as: ByteBuffer.self) { replies += String(buffer: buffer) }
    }

    func advance(_ seconds: Int64) {
        channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
        collect()
    }

    func finish() { _ = try? channel.finish(acceptAlreadyClosed: true) }
}

extension ServerConfiguration {
    /// The listener of the tests: `mx.test`, with small limits where a test meets them.
    static var test: ServerConfiguration {
        var configuration = ServerConfiguration(hostname: "mx.test")
        configuration.banner = "Apus"
        configuration.maxMessageSize = 100_000
        return configuration
    }
}

/// SplitMix64, so that a printed seed repeats a run.
struct ServerTestGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
