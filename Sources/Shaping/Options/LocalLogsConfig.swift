package import Options

/// Where delivery logs go, and what is in them. *Value.*
package struct LocalLogsConfig: OptionTable {
    /// A directory of its own.
    package var logDir = ""
    /// Uncompressed bytes after which a segment is closed.
    package var maxFileSize = 1_000_000_000
    /// Time after which a segment is closed.
    package var maxSegmentDuration: Duration?
    /// The level of zstd; 0 for its default.
    package var compressionLevel = 0
    /// Most records that wait to be written.
    package var backPressure = 128_000
    /// Names of metadata that go into records; a trailing `*` matches any rest.
    package var meta: [String] = []
    /// Names of header fields that go into records; a trailing `*` matches any rest.
    package var headers: [String] = []
    /// What is special about a type of record; `Any` for all others.
    package var perRecord: [String: PerRecord] = [:]
    /// How much of the file system must stay free.
    package var minFreeSpace = FreeSpace.percent(10)
    /// How many inodes must stay free.
    package var minFreeInodes = FreeSpace.percent(10)

    /// The defaults.
    package init() {}

    /// What is special about one type of record. *Value.*
    package struct PerRecord: OptionTable, Hashable {
        /// Added to the name of the segment.
        package var suffix: String?
        /// A directory of its own.
        package var logDir: String?
        /// Whether such records are written.
        package var enable = true

        /// The defaults.
        package init() {}

        /// Every name of the table.
        package static let options = OptionList<PerRecord>("local logs per_record") {
            OptionRow("enable", \.enable, .bool, "whether such records are written")
            OptionRow(
                "suffix", \.suffix,
                .text("a text of at most 64 bytes without '/' and control characters", values: "at most 64 bytes") {
                    $0.utf8.count <= 64 && TextCheck.isPrintable($0) && !$0.utf8.contains(0x2F)
                }, "added to the name of the file")
            OptionRow("log_dir", \.logDir, .path, none: "that of the log", "a directory of its own")
            OptionRow.unsupported("template")
            OptionRow.unsupported("segment_header", accepting: [.exactly("")])
        }

        fileprivate init(_ table: [String: ConfigValue], type: String) throws(ConfigError) {
            self.init()
            _ = try Self.options.named("local logs per_record.\(type)").read(table, into: &self)
        }
    }

    /// The types of record that `per_record` may name.
    package static let recordTypes = [
        "Any", "Reception", "Delivery", "TransientFailure", "Bounce", "Expiration", "AdminBounce", "OOB", "Feedback",
        "Rejection", "AdminRebind", "DeferredInjectionRebind", "Delayed", "XferOut", "XferIn",
    ]

    /// Every name of the table.
    package static let options = OptionList<LocalLogsConfig>("local logs") {
        OptionRow.required("log_dir", \.logDir, .path, "the directory; made if it is missing")
        OptionRow("max_file_size", \.maxFileSize, .bytes(1...(1 << 50)), "bytes before compression after which a file is closed")
        OptionRow("max_segment_duration", \.maxSegmentDuration, .duration, "time after which a file is closed")
        OptionRow("compression_level", \.compressionLevel, .int(0...22), "of zstd; 0 is its own default")
        OptionRow("back_pressure", \.backPressure, .int(1...100_000_000), "records that may wait; beyond it new mail is refused")
        OptionRow("meta", \.meta, .names(), "names of meta values to record; a trailing `*` matches a prefix")
        OptionRow("headers", \.headers, .names(), "no effect yet")
        OptionRow("per_record", \.perRecord, .records, "what is special about a type of record, or about `Any`")
        OptionRow.unsupported("filter_event")
        OptionRow("min_free_space", \.minFreeSpace, .freeSpace, "below it new mail is refused")
        OptionRow("min_free_inodes", \.minFreeInodes, .freeSpace, "the same for inodes")
    }
}

extension OptionKind where Value == [String: LocalLogsConfig.PerRecord] {
    /// Options by type of record.
    fileprivate static var records: OptionKind {
        let accepted = "a table such as { Rejection = { enable = false } }"
        return OptionKind(accepted, values: "table", text: { _ in "none" }) { value, reader, name throws(ConfigError) in
            guard let table = value.tableValue else { throw reader.mustBe(name, accepted, value) }
            var records: [String: LocalLogsConfig.PerRecord] = [:]
            for (type, value) in table.sorted(by: { $0.key < $1.key }) where !value.isNull {
                let types = LocalLogsConfig.recordTypes
                guard types.contains(type) else {
                    let nearest = NearestName.suggestion(for: type, among: types).map { "; did you mean '\($0)'?" } ?? ""
                    throw reader.fail(
                        name,
                        "has the unknown record type '\(TextCheck.shortened(type))'\(nearest); accepted: \(types.joined(separator: ", "))")
                }
                guard let options = value.tableValue else {
                    throw reader.mustBe("\(name).\(type)", "a table such as { suffix = '_\(type)' }", value)
                }
                records[type] = try LocalLogsConfig.PerRecord(options, type: type)
            }
            return records
        }
    }
}
