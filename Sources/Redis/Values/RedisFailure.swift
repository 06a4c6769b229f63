/// Why a command has no result. *Value.*
///
/// After `timeout` and `disconnected` the command may have been executed; after the others (but `server`, which is the server's answer)
/// it was not.
package enum RedisFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// No answer within the deadline. The connection was closed, because later answers would be taken for the wrong commands.
    case timeout
    /// The host of the server refuses connections: no process listens there.
    case refused
    /// The connection broke, or there was none.
    case disconnected
    /// Several failures in a row; calls fail at once until the server answers a PING in time.
    case breakerOpen
    /// The server process is not the one the call was meant for.
    case runChanged
    /// The slot of the key is served elsewhere now.
    case moved
    /// The server answered with this error, or is not usable for this reason.
    case server(String)
    /// The client was closed.
    case closed
    /// The command, its reply, or the number of commands under way is beyond the bounds.
    case tooLarge

    /// One sentence.
    package var description: String {
        switch self {
        case .timeout: "Redis did not answer in time"
        case .refused: "the connection to Redis was refused: no server listens there"
        case .disconnected: "the connection to Redis is broken"
        case .breakerOpen: "Redis failed several times in a row and is left alone until it answers again"
        case .runChanged: "the Redis server was restarted or replaced"
        case .moved: "the Redis Cluster has moved this key to another server"
        case .server(let text): "Redis answered: \(text)"
        case .closed: "the Redis client is closed"
        case .tooLarge: "the command or reply is larger than allowed"
        }
    }
}
