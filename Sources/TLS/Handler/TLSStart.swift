package import NIOCore
internal import Synchronization

/// The certificates that a listener shows now. *Shared.* New ones take effect for the next handshake.
package final class ServerIdentity: Sendable {
    private let context: Mutex<ServerContext>

    /// Starts with these.
    package init(_ context: ServerContext) { self.context = Mutex(context) }

    /// What the next handshake uses.
    package var current: ServerContext { context.withLock { $0 } }

    /// Puts others in force.
    package func use(_ context: ServerContext) { self.context.withLock { $0 = context } }
}

/// How the connections of one listener start TLS on one loop. *Loop-confined.*
package struct TLSStart {
    private let identity: ServerIdentity
    private let turns: HandshakeTurns
    private let deadline: TimeAmount

    /// - Parameters:
    ///   - turns: those of the loop.
    ///   - deadline: the longest a handshake may take.
    package init(_ identity: ServerIdentity, turns: HandshakeTurns, deadline: TimeAmount) {
        self.identity = identity
        self.turns = turns
        self.deadline = deadline
    }

    /// A handler for one connection.
    package func makeHandler() throws(TLSError) -> TLSHandler {
        try TLSHandler(server: identity.current, turns: turns, deadline: deadline)
    }
}
