package import Message

/// What `check` found. *value*.
package struct SpoolReport: Sendable, Equatable {
    /// Segments with records.
    package var segments = 0
    /// Segments written in advance.
    package var freeSegments = 0
    /// Messages that are kept.
    package var messages = 0
    /// Messages that are done.
    package var finished = 0
    /// Records of all kinds.
    package var records = 0
    /// Bytes of all segments.
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
    /// The message id.
    package let id: MessageID
    /// The number of its segment.
    package let segment: Int
    /// Where its record begins.
    package let offset: Int
    /// Bytes of the record.
    package let size: Int
    /// With the latest update applied.
    package let envelope: SpoolEnvelope
}
