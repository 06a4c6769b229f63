/// What a server session waits for. *Value.*
enum SessionNeed {
    case command
    case content
    /// The TLS handshake under it.
    case handshake
    case verdict
    case nothing
}
