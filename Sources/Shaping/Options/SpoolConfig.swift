package import Options

/// Where messages are kept, and how safely. *Value.*
package struct SpoolConfig: OptionTable {
    /// `data` or `meta`. Apus keeps both in one log; the two names exist so that policies load.
    package var name = "data"
    /// The directory.
    package var path = ""
    /// The kind the policy asks for.
    package var kind = Kind.localDisk
    /// Whether each message reaches the disk before it is acknowledged; nil when the policy does not say.
    package var flush: Bool?
    /// How much of the file system must stay free.
    package var minFreeSpace = FreeSpace.percent(10)
    /// How many inodes must stay free.
    package var minFreeInodes = FreeSpace.percent(10)
    /// Nothing here reads them; their names are checked.
    private var rocksParams: RocksParams?

    /// The defaults.
    package init() {}

    /// The kinds of spool the reference system has. *Value.*
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A file for each message.
        case localDisk = "LocalDisk"
        /// A key-value store.
        case rocksDB = "RocksDB"
    }

    /// What the operator should know about options that have no effect here, one sentence each.
    package var notes: [String] {
        (kind == .rocksDB ? ["spool '\(name)': kind = 'RocksDB' has no effect; Apus keeps messages in its own log"] : [])
            + (rocksParams != nil ? ["spool '\(name)': rocks_params has no effect; Apus keeps messages in its own log"] : [])
    }

    /// Every name of the table.
    package static let options = OptionList<SpoolConfig>("spool") {
        OptionRow.required(
            "name", \.name, .text("'data' or 'meta'", values: "`'data'`, `'meta'`") { $0 == "data" || $0 == "meta" },
            "`data` gives the volume. `meta`, as KumoMTA has it, is accepted and not needed")
        OptionRow.required(
            "path", \.path, .path, "the directory; `--spool DIR` goes first. Made with its parents if it is missing")
        OptionRow("flush", \.flush, .bool, none: "true", "sync each message to the disk before it is acknowledged")
        OptionRow("min_free_space", \.minFreeSpace, .freeSpace, "below it new mail is refused")
        OptionRow("min_free_inodes", \.minFreeInodes, .freeSpace, "the same for inodes")
        OptionRow("kind", \.kind, .choice, "no effect; a line at start says so")
        OptionRow("rocks_params", \.rocksParams, .table(like: "{ increase_parallelism = 4 }"), "no effect; a line at start says so")
    }

    /// The options of the other system's store. The names are known so that a typo is found, their values are not looked at. *Value.*
    private struct RocksParams: OptionTable {
        static let options = OptionList<RocksParams>("spool rocks_params") {
            for name in [
                "increase_parallelism", "optimize_level_style_compaction", "optimize_universal_style_compaction",
                "paranoid_checks", "compression_type", "compaction_readahead_size", "level_compaction_dynamic_level_bytes",
                "max_open_files", "write_buffer_size", "level0_stop_writes_trigger", "log_level", "memtable_huge_page_size",
                "log_file_time_to_roll", "obsolete_files_period", "limit_concurrent_stores", "limit_concurrent_loads",
                "limit_concurrent_removes", "store_deadline", "error_latch_duration", "error_unlatch_duration",
                "allow_error_unlatch",
            ] {
                OptionRow.ignored(name, .anything)
            }
        }
    }
}
