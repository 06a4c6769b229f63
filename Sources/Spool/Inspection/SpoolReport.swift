package import Message

/// What `check` found. *value*.
package struct SpoolReport: Sendable, Equatable {
    package var segments = 0
    package var freeSegments = 0
    package var messages = 0
    package var finished = 0
    package var records = 0
    package var bytes = 0
    /// One sentence for each damaged record or file.
    package var damage: [String] = []
    /// Damage beyond those sentences.
    package var moreDamage = 0
    /// Messages whose shared body is incomplete.
    package var damagedBodies = 0
    /// Unfinished writes, as a crash leaves them: no damage.
    package var tornTails = 0
    /// What `corrupt/` keeps of damage that was met before.
    package var kept: [String] = []

    /// Whether all is well.
    package var isWhole: Bool { damage.isEmpty && moreDamage == 0 && damagedBodies == 0 && kept.isEmpty }
}

/// One live message of a spool that is looked at. *value*.
package struct SpoolListing: Sendable {
    package let id: MessageID
    package let segment: Int
    package let offset: Int
    package let size: Int
    /// With the latest update applied.
    package let envelope: SpoolEnvelope
}
