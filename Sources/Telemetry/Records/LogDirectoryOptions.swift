/// How one type of record is filed. *Value.*
package struct LogFileRule: Sendable, Hashable {
    /// Appended to the segment's name.
    package var suffix: String?
    /// Directory of its own, instead of the log's.
    package var directory: String?
    /// False: records of this type are not logged.
    package var enable: Bool

    /// A rule for the records of one type.
    package init(suffix: String? = nil, directory: String? = nil, enable: Bool = true) {
        self.suffix = suffix
        self.directory = directory
        self.enable = enable
    }
}

/// A directory of zstd-compressed JSON lines. *Value.*
package struct LogDirectoryOptions: Sendable {
    /// Created if missing.
    package var directory: String
    /// Uncompressed bytes after which a segment is finished.
    package var maxFileSize = 1_000_000_000
    /// Age after which a segment is finished; nil: never by age.
    package var maxSegmentDuration: Duration?
    /// 0 is zstd's default (3).
    package var compressionLevel = 0
    /// Rules per type; a type without one uses `anyRecord`.
    package var perRecord: [LogRecordType: LogFileRule] = [:]
    /// The rule for types without their own.
    package var anyRecord = LogFileRule()
    /// Free space below which intake pauses.
    package var minFreeSpace = FreeSpaceFloor.percent(10)
    /// Free inodes below which intake pauses.
    package var minFreeInodes = FreeSpaceFloor.percent(10)

    /// Options with their defaults.
    package init(directory: String) { self.directory = directory }

    /// The rule for `type`.
    func rule(for type: LogRecordType) -> LogFileRule { perRecord[type] ?? anyRecord }

    /// The directory records under `rule` go to.
    func directory(for rule: LogFileRule) -> String { rule.directory ?? directory }
}
