/// *Value*: what is to be sent, and how.
struct LoadPlan: Sendable {
    let messages: Int
    /// Bytes of the body.
    let size: Int
    let domains: Int
    let sessions: Int
    /// Port of the relay.
    let relay: Int
    /// Nanoseconds between two messages; 0 for no pace.
    let interval: Double
    /// A new connection per message.
    let reconnects: Bool

    /// The number of digits a message's number has in its header.
    static let digits = 10

    /// The recipient's domain of a message.
    func domain(of message: Int) -> String { "d\(message % domains).sink.example" }
}
