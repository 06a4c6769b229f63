import Cluster
import Delivery
import NIOCore
import Options
import Redis
import Resources
import Shaping
import Telemetry

/// *Value*: joins the cluster that the policy or `--redis` names.
///
/// *Diagnostics*: a store that is wrong for limits (password, permissions, a replica, one that evicts, too old) ends the start with one
/// sentence each, unless `start_without_store` says otherwise. One that does not answer does not: the node starts as if it were lost, because a
/// restart during an outage must not stop the intake.
struct ClusterSetup {
    let config: RedisThrottleConfig
    /// How orders are signed; nil when they are not.
    let seal: OrderSeal?

    init(config: RedisThrottleConfig, declared: RedisThrottleConfig?, options: NodeOptions) throws(NodeError) {
        self.config = config
        // With --redis the store is another; the secret of the policy stays the cluster's.
        seal = try ClusterSecret(declared ?? config, options).seal(prefix: config.prefix)
    }

    /// The configuration in force: the policy's, or that of `--redis`, which counts more.
    static func config(declared: RedisThrottleConfig?, url: String?) throws -> RedisThrottleConfig? {
        guard let url else { return declared }
        do {
            return try RedisThrottleConfig(["node": .string(url)])
        } catch {
            throw NodeError("--redis: \(error.message)")
        }
    }

    /// The settings of the limits.
    var settings: ClusterSettings {
        var settings = ClusterSettings()
        settings.prefix = config.prefix
        settings.buckets = config.buckets
        settings.shareTTL = config.shareTTL.wholeNanoseconds
        settings.permitTTL = config.permitTTL.wholeNanoseconds
        settings.permitRefresh = settings.permitTTL / 3
        settings.permitMargin = settings.permitTTL / 5
        settings.closeMargin = min(max(1_000_000_000, settings.permitTTL / 15), settings.permitMargin)
        settings.crashHold = config.crashHold.wholeNanoseconds
        settings.quantum = config.quantum.wholeNanoseconds
        settings.quantumMessages = config.quantumMessages
        settings.storeLoss = config.onStoreLoss
        settings.rateTTL = config.horizon.wholeNanoseconds
        settings.rateRefresh = settings.rateTTL * 2 / 5
        settings.slowestReply = responseTimeout.wholeNanoseconds
        return settings
    }

    /// What counts as no answer. It is part of the safety rules, so a policy may not make it long.
    private var responseTimeout: Duration {
        min(max(config.server.responseTimeout ?? .milliseconds(100), .milliseconds(20)), .seconds(1))
    }

    /// Makes this node a member; it does nothing until it is started.
    func join(node: String, zone: String?, state: ControlState, files: StateFiles, loop: any EventLoop) async throws -> Cluster {
        var redis: RedisConfiguration
        do throws(RedisError) {
            redis = try RedisConfiguration(
                urls: config.server.urls, username: config.server.username, password: config.server.password,
                cluster: config.server.isCluster, connectTimeout: config.server.connectTimeout ?? .seconds(2),
                commandTimeout: responseTimeout)
        } catch {
            throw NodeError("configure_redis_throttles: \(error)")
        }
        redis.trustsRefusalOfName = config.trustsRefusal
        let memory = ClusterMemory(files: files, prefix: config.prefix)
        let record = MemberRecord(
            node: node, incarnation: memory.nextIncarnation(), address: config.advertise ?? "", zone: config.zone ?? zone ?? "",
            version: NodeVersion.text, state: "ready", spools: [files.directory])
        let cluster = try await Cluster.make(
            redis, settings: settings, record: record, rememberedEpochs: memory.epochs(shareTTL: settings.shareTTL), state: state,
            seal: seal, loop: loop)
        try await check(cluster.client, redis)
        return cluster
    }

    private func check(_ client: RedisClient, _ redis: RedisConfiguration) async throws {
        let key = "\(config.prefix):1:{check}"
        let report = await client.check(probes: RedisReport.probes(key: key, channel: key))
        for warning in report.warnings { Log.warn("redis: \(warning)") }
        if report.isUsable {
            return Log.info("limits are shared through Redis", ["store": redis.redactedText, "version": report.version ?? "?"])
        }
        let text = report.problems.joined(separator: "; ")
        if report.isUnreachable || config.startsWithoutStore {
            return Log.error("redis is not usable: starting as if it were lost", ["store": redis.redactedText, "problem": text])
        }
        throw NodeError(
            "configure_redis_throttles: \(redis.redactedText): \(text) (start_without_store = true starts all the same, as if Redis were lost)"
        )
    }
}
