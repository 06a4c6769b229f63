/// What an append waits for. *value*.
package enum Durability: Sendable, Equatable {
    /// The commit that holds the message is on disk (fdatasync returned).
    case fsync
    /// The message is in the page cache: it survives a crash of the process, not of the machine.
    case written
    /// The message is in memory only, and written at its first `update`.
    case memory
}
