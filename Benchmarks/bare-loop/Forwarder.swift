import NIOCore

/// *Loop-confined*: the connections of one event loop to the sink; messages go round them in turn.
final class Forwarder {
    private let connections: [ForwardConnection]
    private var next = 0

    /// On `loop`.
    init(port: Int, connections count: Int, loop: any EventLoop) {
        connections = (0..<count).map { _ in ForwardConnection(port: port, loop: loop) }
    }

    /// Sends a message over the connection whose turn it is.
    func send(_ content: ByteBuffer) {
        next = (next + 1) % connections.count
        connections[next].send(content)
    }
}
