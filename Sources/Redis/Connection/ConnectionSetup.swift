import NIOCore

/// What all connections of a client have in common. *Value.*
struct ConnectionSetup: Sendable {
    let configuration: RedisConfiguration
    /// The name the servers show in CLIENT LIST.
    let name: String
    let eventLoop: any EventLoop
    let counters: RedisCounters

    /// Nanoseconds for connecting and logging in.
    var connectTimeout: Int64 { configuration.connectTimeout.timeoutNanoseconds }
    /// Nanoseconds for a command, where the caller says nothing.
    var commandTimeout: Int64 { configuration.commandTimeout.timeoutNanoseconds }

    /// Opens connections.
    var dialer: Dialer { dialer(timeout: connectTimeout) }

    /// Opens connections within `timeout` nanoseconds.
    func dialer(timeout: Int64) -> Dialer {
        Dialer(eventLoop: eventLoop, transport: configuration.transport, counters: counters, timeout: timeout)
    }

    /// What is said first.
    func handshake() -> Handshake {
        Handshake(credentials: configuration.credentials, database: configuration.database, name: name)
    }
}
