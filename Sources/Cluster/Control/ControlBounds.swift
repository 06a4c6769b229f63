/// How large things of the control plane may be. *Value.* The same bounds hold for what is issued here, what the store says and what
/// the file holds; so nothing that is accepted in one place is refused in another.
package enum ControlBounds {
    /// Live entries that may be issued.
    package static let entries = 10_000
    /// Entries and tombstones that are kept; above `entries`, since nodes that could not see each other may each have issued some.
    package static let kept = 40_000
    /// Bytes of all that is kept, as JSON.
    package static let keptBytes = 64 << 20
    /// Bytes of one entry as JSON.
    package static let lineBytes = 64 << 10
    static let idBytes = 256
    static let nameBytes = 512
    /// A queue name in quotes may need 4,109 (`QueueName.textLimit`).
    static let queueNameBytes = 4_200
    static let queues = 256
    static let payloadBytes = 16 << 10
    static let reasonBytes = 1_024
    static let nodeBytes = 255
    /// Lua's numbers are doubles: far below 2^53, with room to count on.
    static let version: Int64 = 1 << 50

    static let second: Int64 = 1_000_000_000
    static let hour: Int64 = 3_600 * second
    static let day: Int64 = 24 * hour
    /// How long a removal is remembered.
    package static let tombstoneLife = 7 * day
    /// A node that was away for less has surely met every tombstone.
    static let tombstoneTrust = 6 * day
    /// How far a remote wall clock may be ahead.
    static let clockSkew = day
    /// How long an entry may live: ten years.
    static let life = 3_660 * day
    /// The earliest believable time of issue: 2020-01-01.
    static let earliest: Int64 = 1_577_836_800 * second
}
