/// How one spool directory is run. *value*.
package struct SpoolOptions: Sendable {
    /// The directory of the volume; created when it is missing.
    package var directory: String
    /// The node that owns the directory, written to `OWNER`. A spool of another node is refused.
    package var nodeID: String
    /// Ownership epoch, written beside the node (see the life cycle of adoption).
    package var epoch: UInt64
    /// Bytes of one segment file, 16 KiB to 1 GiB.
    package var segmentSize: Int
    /// The longest an update or a done waits for its commit, nanoseconds.
    package var maxDelayNanoseconds: Int64
    /// Appends are refused when fewer bytes are free on the volume.
    package var minFreeSpace: Int
    /// Appends are refused when fewer inodes are free on the volume.
    package var minFreeInodes: Int
    /// Segments written full of zeros at the start when there is none to recycle.
    package var spareSegments = 0
    /// Bytes that may wait for the writer before appends are answered `.overloaded`.
    package var maxBacklog: Int
    /// Bytes of `memory` drafts kept in RAM; beyond it such a draft is written at once.
    package var maxMemoryDrafts: Int
    /// Compaction copies at most so many bytes a second.
    package var compactionBytesPerSecond: Int
    /// A sealed segment is compacted when the live share of its bytes is below this, percent.
    package var compactionLivePercent: Int
    /// Recycled segment files that are kept ready.
    package var maxFreeSegments: Int
    /// `read` returns bodies up to this size whole, larger ones as `.shared`.
    package var wholeBodyLimit: Int
    /// Threads that read messages back.
    package var readThreads: Int

    /// Options with their defaults; `normalized` brings them into range.
    package init(
        directory: String, nodeID: String, epoch: UInt64 = 1, segmentSize: Int = 64 << 20,
        maxDelayNanoseconds: Int64 = 50_000_000, minFreeSpace: Int = 256 << 20, minFreeInodes: Int = 1000,
        maxBacklog: Int = 64 << 20, maxMemoryDrafts: Int = 64 << 20, compactionBytesPerSecond: Int = 16 << 20,
        compactionLivePercent: Int = 50, maxFreeSegments: Int = 8, wholeBodyLimit: Int = 1 << 20, readThreads: Int = 2
    ) {
        self.directory = directory
        self.nodeID = nodeID
        self.epoch = epoch
        self.segmentSize = segmentSize
        self.maxDelayNanoseconds = maxDelayNanoseconds
        self.minFreeSpace = minFreeSpace
        self.minFreeInodes = minFreeInodes
        self.maxBacklog = maxBacklog
        self.maxMemoryDrafts = maxMemoryDrafts
        self.compactionBytesPerSecond = compactionBytesPerSecond
        self.compactionLivePercent = compactionLivePercent
        self.maxFreeSegments = maxFreeSegments
        self.wholeBodyLimit = wholeBodyLimit
        self.readThreads = readThreads
    }

    /// The same with every number brought into its range.
    var normalized: SpoolOptions {
        var options = self
        options.segmentSize = min(max(segmentSize, 16 << 10), 1 << 30) & ~4095
        options.maxDelayNanoseconds = max(1_000_000, maxDelayNanoseconds)
        options.compactionBytesPerSecond = max(1, compactionBytesPerSecond)
        options.compactionLivePercent = min(max(compactionLivePercent, 0), 90)
        options.maxFreeSegments = max(0, maxFreeSegments)
        options.readThreads = min(max(1, readThreads), 64)
        while options.directory.utf8.count > 1, options.directory.hasSuffix("/") { options.directory.removeLast() }
        return options
    }

    /// The largest payload of one record: a quarter of a segment, at most 16 MiB.
    var maxPayload: Int { min(segmentSize / 4, 16 << 20) }
    /// Inline bodies beyond this are split into chunk records.
    var inlineLimit: Int { min(maxPayload / 4, 1 << 20) }
}
