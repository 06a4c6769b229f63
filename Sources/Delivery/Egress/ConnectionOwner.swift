import NIOCore
import Resources
import SMTP
import Spool

/// *Loop-confined*: who opens egress connections, gives them messages and hears what becomes of both.
protocol ConnectionOwner: AnyObject {
    /// The node stops.
    var isStopping: Bool { get }
    /// Messages wait for a connection.
    var hasBacklog: Bool { get }
    /// Whether it matters how long the server takes to answer a content.
    var wantsAnswerTime: Bool { get }
    /// Whether a connection that was granted may still be dialled: names are looked up meanwhile, and a process may be stopped.
    var mayDial: Bool { get }

    /// Whether TLS with this site is known to be broken.
    var remembersBrokenTLS: Bool { get }
    /// A handshake failed, and the mail goes in clear.
    func noteBrokenTLS()
    /// One host is about to be dialled: a new connection for servers that count them.
    func takeDial() -> PathLimits.Answer
    /// The connection has dialled its first host.
    func connectionIsDialled()
    /// Looks up a host; `EgressConnection.found` gets the answer.
    func findAddresses(_ query: AddressQuery, for connection: EgressConnection)
    /// Reads pieces of a body that is not in memory.
    func bodyReader(_ handle: SpoolHandle) -> @Sendable (Int, @escaping @Sendable (Result<ByteBuffer, any Error>) -> Void) -> Void

    /// The connection has an open session and nothing to send.
    func connectionIsFree(_ connection: EgressConnection)
    /// The connection takes no more messages.
    func connectionIsLeaving(_ connection: EgressConnection)
    /// The connection is gone.
    func connectionClosed(_ connection: EgressConnection)
    /// No host let the connection in.
    func connectionFailed(_ failure: DialFailure, of connection: EgressConnection)
    /// This machine has too little of something to open the connection.
    func fellShort(_ shortage: LocalShortage)
    /// The session ended between messages, with that reply.
    func sessionBroke(_ reply: Reply, isAmbiguous: Bool)

    /// The message that may follow the one that the connection is sending; nil when nothing may be sent now.
    func lookAhead(for connection: EgressConnection) -> Attempt?
    /// An attempt has its outcome.
    func settle(_ attempt: consuming Attempt, _ outcome: consuming AttemptOutcome)
    /// A message was not sent, or not to all its recipients, and is next again.
    func putBack(_ attempt: consuming Attempt)
}

/// *Shared*: the way of events into the actor that owns a connection.
protocol ConnectionDoor: Sendable {
    /// Runs `body` inside the actor, on the loop that the caller is on; nil when the connection is gone.
    func enter<Value: Sendable>(_ body: @Sendable (EgressConnection) -> Value) -> Value?
}

/// *Shared*: a door that leads nowhere.
struct ClosedDoor: ConnectionDoor {
    func enter<Value: Sendable>(_ body: @Sendable (EgressConnection) -> Value) -> Value? { nil }
}
