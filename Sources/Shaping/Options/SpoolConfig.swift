/// Where messages are kept, and how safely. *Shared* (immutable).
package final class SpoolConfig: Sendable, Equatable {
    /// `data` or `meta`. Apus keeps both in one log; the two names exist so that policies load.
    package let name: String
    /// The directory.
    package let path: String
    /// The kind the policy asks for.
    package let kind: Kind
    /// Whether each message reaches the disk before it is acknowledged; nil when the policy does not say.
    package let flush: Bool?
    /// How much of the file system must stay free.
    package let minFreeSpace: FreeSpace
    /// How many inodes must stay free.
    package let minFreeInodes: FreeSpace
    /// What the operator should know about options that have no effect here, one sentence each.
    package let notes: [String]

    /// The kinds of spool the reference system has. *Value.*
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A file for each message.
        case localDisk = "LocalDisk"
        /// A key-value store.
        case rocksDB = "RocksDB"
    }

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        name = try read.name("name")
        guard name == "data" || name == "meta" else {
            throw read.mustBe("name", "'data' or 'meta'", .string(name))
        }
        path = try read.path("path")
        kind = try read.choice("kind", .localDisk)
        flush = try read.optionalBool("flush")
        minFreeSpace = try read.freeSpace("min_free_space")
        minFreeInodes = try read.freeSpace("min_free_inodes")
        var notes: [String] = []
        if kind == .rocksDB {
            notes.append("spool '\(name)': kind = 'RocksDB' has no effect; Apus keeps messages in its own log")
        }
        if read.value("rocks_params") != nil {
            try Self.rocksOptions.check(read.table("rocks_params"))
            notes.append("spool '\(name)': rocks_params has no effect; Apus keeps messages in its own log")
        }
        self.notes = notes
    }

    /// Whether two configurations say the same.
    package static func == (a: SpoolConfig, b: SpoolConfig) -> Bool {
        guard a !== b else { return true }
        return (a.name, a.path, a.kind, a.flush) == (b.name, b.path, b.kind, b.flush)
            && (a.minFreeSpace, a.minFreeInodes, a.notes) == (b.minFreeSpace, b.minFreeInodes, b.notes)
    }

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "spool",
        rules: [
            "name": .field,
            "path": .field,
            "kind": .field,
            "flush": .field,
            "min_free_space": .field,
            "min_free_inodes": .field,
            "rocks_params": .field,
        ])

    /// Every name of `rocks_params`. The names are known so that a typo is found, their values are not looked at.
    static let rocksOptions = OptionSchema(
        owner: "spool rocks_params",
        rules: Dictionary(
            uniqueKeysWithValues: [
                "increase_parallelism", "optimize_level_style_compaction", "optimize_universal_style_compaction",
                "paranoid_checks", "compression_type", "compaction_readahead_size", "level_compaction_dynamic_level_bytes",
                "max_open_files", "write_buffer_size", "level0_stop_writes_trigger", "log_level", "memtable_huge_page_size",
                "log_file_time_to_roll", "obsolete_files_period", "limit_concurrent_stores", "limit_concurrent_loads",
                "limit_concurrent_removes", "store_deadline", "error_latch_duration", "error_unlatch_duration",
                "allow_error_unlatch",
            ].map { ($0, OptionRule.field) }))
}
