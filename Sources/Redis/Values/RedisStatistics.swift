/// What a client has done so far. *Value*: a snapshot.
package struct RedisStatistics: Sendable, Equatable {
    /// Writes to sockets: each carries one or more commands and costs one round trip.
    package var roundTrips = 0
    /// Commands written.
    package var commands = 0
    /// Commands that had no answer in time.
    package var timeouts = 0
    /// Connections made after the first one of each server.
    package var reconnects = 0
    /// How often a breaker opened.
    package var breakerOpenings = 0
    /// The newest failure in one sentence; nil when there was none.
    package var lastError: String?
}
