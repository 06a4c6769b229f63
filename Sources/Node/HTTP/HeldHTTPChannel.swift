import HummingbirdCore
import Logging
import NIOCore

/// *Value*: Hummingbird's HTTP/1 channel, with its writer kept until the connection is closed.
///
/// A `NIOAsyncWriter` that goes away unfinished traps. A server that stops accepting drops the connections it has accepted but not handed
/// over yet; their handlers let go of the writer when the connection becomes active a moment later, and the process ends by a signal. With
/// a reference until the close there is no such moment: by then NIO has finished the writer.
struct HeldHTTPChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let http: HTTP1Channel

    init(_ http: HTTP1Channel) { self.http = http }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        http.setup(channel: channel, logger: logger).map { value in
            channel.closeFuture.whenComplete { _ in withExtendedLifetime(value) {} }
            return value
        }
    }

    func handle(value: Value, logger: Logger) async { await http.handle(value: value, logger: logger) }
}
