import NIOCore

/// What stands between the socket and the protocol. *Value.*
///
/// The one place where TLS is put in: a transport that adds its handler to the pipeline. It runs on the loop before the handlers of the
/// protocol are added and before the connection is made.
struct RedisTransport: Sendable {
    /// Adds handlers to the channel of a connection to the endpoint.
    let prepare: @Sendable (any Channel, RedisEndpoint) throws -> Void

    /// Nothing: plain TCP.
    static let plain = RedisTransport { _, _ in }
}
