import Telemetry

/// What the spool tells Prometheus. *shared*.
struct SpoolMetrics: Sendable {
    let commitLatency: Histogram
    let commitBytes: Histogram
    let liveMessages: Gauge
    let segments: Gauge
    let freeSegments: Gauge
    let memoryDrafts: Gauge
    let backlogBytes: Gauge
    let memoryDraftBytes: Gauge
    let corruptRecords: Counter
    let damagedFiles: Counter
    let compactedBytes: Counter
    let recycledSegments: Counter
    let refusedAppends: Counter
    let pendingWindow: Histogram

    init(_ registry: MetricRegistry) {
        let seconds = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5]
        commitLatency = registry.histogram(
            "spool_commit_latency", "Seconds from the start of a commit to its durability", buckets: seconds
        ).with()
        commitBytes = registry.histogram(
            "spool_commit_bytes", "Bytes written by one commit", buckets: [512, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304]
        ).with()
        liveMessages = registry.gauge("spool_live_messages", "Messages in the spool").with()
        segments = registry.gauge("spool_segments", "Segments in use").with()
        freeSegments = registry.gauge("spool_free_segments", "Recycled segments kept ready").with()
        memoryDrafts = registry.gauge("spool_memory_drafts", "Messages kept in memory only").with()
        backlogBytes = registry.gauge("spool_backlog_bytes", "Bytes waiting for the writer").with()
        memoryDraftBytes = registry.gauge("spool_memory_draft_bytes", "Bytes of messages kept in memory only").with()
        corruptRecords = registry.counter("spool_corrupt_records_total", "Records that did not verify or are missing").with()
        damagedFiles = registry.counter(
            "spool_damaged_files_total", "Files of the spool directory found damaged, missing, replaced or out of place"
        ).with()
        compactedBytes = registry.counter("spool_compacted_bytes_total", "Bytes copied forward by compaction").with()
        recycledSegments = registry.counter("spool_recycled_segments_total", "Segments given up because nothing needed them").with()
        refusedAppends = registry.counter("spool_refused_appends_total", "Appends answered with an error").with()
        pendingWindow = registry.histogram(
            "spool_pending_window_seconds",
            "Age of the oldest update or done at the commit that made it durable: what a crash would have repeated",
            buckets: seconds
        ).with()
    }
}
