/// One thing in a spool directory that is not as it was left. *value*.
package struct SpoolDamage: Sendable, Equatable, CustomStringConvertible {
    /// The file, relative to the spool directory.
    package let file: String
    /// What is wrong with it, and what became of it.
    package let what: String

    /// Damage of that file of the spool directory.
    package init(file: String, what: String) {
        self.file = file
        self.what = what
    }

    package var description: String { "\(file): \(what)" }
}

/// The damage this process has met, for those who ask; bounded, since a broken disk has no end of it. *value*.
struct DamageList {
    private static let bound = 100
    private(set) var items: [SpoolDamage] = []
    /// How many there were, those beyond the bound included.
    private(set) var count = 0

    /// Segments that are missing, empty, cut or unreadable: each counts as a corrupt record, as nobody knows how many it held.
    private(set) var segments = 0

    /// Damaged files, other than single records.
    private(set) var files = 0

    mutating func add(_ damage: SpoolDamage, isFile: Bool, isSegment: Bool = false) {
        count += 1
        if isFile { files += 1 }
        if isSegment { segments += 1 }
        if items.count < Self.bound { items.append(damage) }
    }
}
