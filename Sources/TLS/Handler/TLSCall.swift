package import NIOCore

/// How one outbound connection starts TLS. *Loop-confined.*
package struct TLSCall {
    private let context: ClientContext
    private let demand: ServerDemand
    private let turns: HandshakeTurns
    private let deadline: TimeAmount

    /// - Parameters:
    ///   - demand: what is asked of the server.
    ///   - turns: those of the loop.
    ///   - deadline: the longest a handshake may take.
    package init(_ context: ClientContext, _ demand: ServerDemand, turns: HandshakeTurns, deadline: TimeAmount) {
        self.context = context
        self.demand = demand
        self.turns = turns
        self.deadline = deadline
    }

    /// A handler for the connection.
    package func makeHandler() throws(TLSError) -> TLSHandler {
        try TLSHandler(client: context, demand, turns: turns, deadline: deadline)
    }
}
