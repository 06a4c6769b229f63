import Cluster
import Delivery
import Redis
import Resources
import Shaping
import Telemetry

/// *Value*: what Prometheus sees of the limits a cluster shares.
struct ClusterMetrics {
    /// Publishes the metrics, which are computed at each scrape.
    static func publish(_ cluster: Cluster, _ registry: MetricRegistry) {
        let limits = cluster.limits
        let modes: [LimitMode] = [.redis, .share, .learning, .floor, .closed, .local]
        registry.collect(
            "limiter_mode", "By what right limits are used: 1 for the mode in force, by bucket of limits.", labels: ["bucket", "mode"],
            kind: .gauge
        ) {
            limits.modes(now: Clock.monotonic()).enumerated().flatMap { bucket, mode in
                modes.map { (labels: ["\(bucket)", $0.rawValue], value: $0 == mode ? 1 : 0) }
            }
        }
        registry.collect("limiter_share", "The part of each limit this node would use without Redis, 0 to 1.", kind: .gauge) {
            [([], limits.share)]
        }
        registry.collect(
            "limit_used", "What all nodes hold of a limit: slots per second, logged slots, or permits.", labels: ["limit", "kind"],
            kind: .gauge
        ) {
            limits.snapshot(now: Clock.monotonic()).prefix(200).map { ([$0.key.name, $0.isConnections ? "connections" : "rate"], $0.used) }
        }
        registry.collect("limit_held", "What this node holds of a limit.", labels: ["limit", "kind"], kind: .gauge) {
            limits.snapshot(now: Clock.monotonic()).prefix(200).map { ([$0.key.name, $0.isConnections ? "connections" : "rate"], $0.held) }
        }
        let client = cluster.client
        counter(registry, "redis_round_trips_total", "Writes to Redis; each carries everything that was due.") {
            client.statistics.roundTrips
        }
        counter(registry, "redis_commands_total", "Commands sent to Redis.") { client.statistics.commands }
        counter(registry, "redis_timeouts_total", "Commands without an answer in time.") { client.statistics.timeouts }
        counter(registry, "redis_reconnects_total", "Connections to Redis made again.") { client.statistics.reconnects }
        counter(registry, "redis_breaker_openings_total", "Times Redis was not asked for a while after failing several times in a row.") {
            client.statistics.breakerOpenings
        }
        counter(registry, "limiter_store_answers_total", "Answers of the limit store that came in time.") { limits.statistics.answers }
        counter(registry, "limiter_store_failures_total", "Questions to the limit store without an answer in time.") {
            limits.statistics.failures
        }
        counter(
            registry, "limiter_epoch_changes_total", "Times the limit store was found to be another one (restart, loss of data, fail-over)."
        ) {
            limits.statistics.epochChanges
        }
        counter(registry, "limiter_overshoot_guard_total", "Times a lease of permits came back smaller than what was in use.") {
            limits.statistics.leasesLost
        }
        counter(registry, "limiter_malformed_answers_total", "Answers of the limit store that could not be read.") {
            limits.statistics.malformed
        }
        registry.collect("cluster_members", "Members of the cluster as last read.", labels: ["status"], kind: .gauge) {
            let members = cluster.membership.members
            return ["alive", "suspect", "gone"].map { status in ([status], Double(members.count { $0.status.rawValue == status })) }
        }
    }

    private static func counter(_ registry: MetricRegistry, _ name: String, _ help: String, _ read: @escaping @Sendable () -> Int) {
        registry.collect(name, help, kind: .counter) { [([], Double(read()))] }
    }
}
