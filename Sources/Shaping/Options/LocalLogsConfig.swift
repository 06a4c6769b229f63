/// Where delivery logs go, and what is in them. *Shared* (immutable).
package final class LocalLogsConfig: Sendable, Equatable {
    /// The directory.
    package let logDir: String
    /// Uncompressed bytes after which a segment is closed.
    package let maxFileSize: Int
    /// Time after which a segment is closed.
    package let maxSegmentDuration: Duration?
    /// The level of zstd; 0 for its default.
    package let compressionLevel: Int
    /// Most records that wait to be written.
    package let backPressure: Int
    /// Names of metadata that go into records; a trailing `*` matches any rest.
    package let meta: [String]
    /// Names of header fields that go into records; a trailing `*` matches any rest.
    package let headers: [String]
    /// What is special about a type of record; `Any` for all others.
    package let perRecord: [String: PerRecord]
    /// How much of the file system must stay free.
    package let minFreeSpace: FreeSpace
    /// How many inodes must stay free.
    package let minFreeInodes: FreeSpace

    /// What is special about one type of record. *Value.*
    package struct PerRecord: Sendable, Hashable {
        /// Added to the name of the segment.
        package let suffix: String?
        /// A directory of its own.
        package let logDir: String?
        /// Whether such records are written.
        package let enable: Bool

        /// Reads and checks the table.
        init(_ table: [String: ConfigValue], type: String) throws(ConfigError) {
            let read = try OptionReader(table, OptionSchema(owner: "local logs per_record.\(type)", rules: Self.rules))
            suffix = try read.optionalText(
                "suffix", "a text of at most 64 bytes without '/' and control characters",
                where: { $0.utf8.count <= 64 && TextCheck.isPrintable($0) && !$0.utf8.contains(0x2F) })
            logDir = try read.optionalPath("log_dir")
            enable = try read.bool("enable", true)
        }

        /// Every name of the table.
        static let rules: [String: OptionRule] = [
            "suffix": .field,
            "log_dir": .field,
            "enable": .field,
            "template": .unsupported(),
            "segment_header": .unsupported([.exactly("")]),
        ]
    }

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        logDir = try read.path("log_dir")
        maxFileSize = try read.byteCount("max_file_size", 1_000_000_000, in: 1...(1 << 50))
        maxSegmentDuration = try read.optionalDuration("max_segment_duration")
        compressionLevel = try read.int("compression_level", 0, in: 0...22)
        backPressure = try read.int("back_pressure", 128_000, in: 1...100_000_000)
        meta = try read.names("meta")
        headers = try read.names("headers")
        var records: [String: PerRecord] = [:]
        let table = try read.table("per_record", "a table such as { Rejection = { enable = false } }")
        for (type, value) in table.sorted(by: { $0.key < $1.key }) where !value.isNull {
            guard Self.recordTypes.contains(type) else {
                let nearest = NearestName.suggestion(for: type, among: Self.recordTypes).map { "; did you mean '\($0)'?" }
                throw read.schema.fail(
                    "per_record",
                    "has the unknown record type '\(TextCheck.shortened(type))'\(nearest ?? ""); "
                        + "accepted: \(Self.recordTypes.joined(separator: ", "))")
            }
            guard let options = value.tableValue else {
                throw read.mustBe("per_record.\(type)", "a table such as { suffix = '_\(type)' }", value)
            }
            records[type] = try PerRecord(options, type: type)
        }
        perRecord = records
        minFreeSpace = try read.freeSpace("min_free_space")
        minFreeInodes = try read.freeSpace("min_free_inodes")
    }

    /// Whether two configurations say the same.
    package static func == (a: LocalLogsConfig, b: LocalLogsConfig) -> Bool {
        guard a !== b else { return true }
        return (a.logDir, a.maxFileSize, a.maxSegmentDuration, a.compressionLevel, a.backPressure)
            == (b.logDir, b.maxFileSize, b.maxSegmentDuration, b.compressionLevel, b.backPressure)
            && (a.meta, a.headers, a.perRecord, a.minFreeSpace, a.minFreeInodes)
                == (b.meta, b.headers, b.perRecord, b.minFreeSpace, b.minFreeInodes)
    }

    /// The types of record that `per_record` may name.
    static let recordTypes = [
        "Any", "Reception", "Delivery", "TransientFailure", "Bounce", "Expiration", "AdminBounce", "OOB", "Feedback",
        "Rejection", "AdminRebind", "DeferredInjectionRebind", "Delayed", "XferOut", "XferIn",
    ]

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "local logs",
        rules: [
            "log_dir": .field,
            "max_file_size": .field,
            "max_segment_duration": .field,
            "compression_level": .field,
            "back_pressure": .field,
            "meta": .field,
            "headers": .field,
            "per_record": .field,
            "filter_event": .unsupported(),
            "min_free_space": .field,
            "min_free_inodes": .field,
        ])
}
