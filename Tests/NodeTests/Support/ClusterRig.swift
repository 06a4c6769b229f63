import Cluster
import NIOCore
import NIOPosix
import RedisFixture
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Sink

/// What a test of several nodes asks for. *Value.*
struct ClusterPlan {
    var nodes = 2
    /// Options of `configure_redis_throttles` besides `node`.
    var throttles = ""
    /// Options of the table that `get_egress_path_config` returns, besides `smtp_port`; may look at `domain`.
    var path = "connection_limit = 'local:2'"
    /// Options of the table that `get_queue_config` returns.
    var queue = "retry_interval = '1s'"
    /// More Lua, after the rest; `STORE` is the URL of the Redis.
    var policy = ""
    /// Rules of the sink.
    var rules: [String] = []
    /// Domains beside those of `Rig.zone`, each with a host of its own.
    var domains: [String] = []
    /// The member, by its number, that reaches Redis through a proxy.
    var proxied: Int?
    /// Whether Redis runs when the nodes start.
    var isStoreUp = true
}

/// Several nodes in this process, a sink for all of them and the real Redis they share. *Shared*: its test owns it.
final class ClusterRig {
    let plan: ClusterPlan
    let store: RedisServer
    let sink: Sink
    /// Between Redis and the member of `plan.proxied`.
    let proxy: CutProxy?
    private(set) var members: [ClusterMember] = []
    private let folder: TestFolder
    /// The sink's own loop: it tells when something happened, so nobody may hold it up.
    private let group: MultiThreadedEventLoopGroup

    private init(
        plan: ClusterPlan, store: RedisServer, sink: Sink, proxy: CutProxy?, folder: TestFolder, group: MultiThreadedEventLoopGroup
    ) {
        self.plan = plan
        self.store = store
        self.sink = sink
        self.proxy = proxy
        self.folder = folder
        self.group = group
    }

    /// Runs `body` with a cluster, and stops it whatever happens.
    static func run<Result>(_ plan: ClusterPlan, _ body: (ClusterRig) async throws -> Result) async throws -> Result {
        let store = try await RedisServer()
        if !plan.isStoreUp { store.kill() }
        let folder = TestFolder()
        var configuration = SinkConfiguration(listen: "127.0.0.1:0")
        configuration.recordFile = folder.file("record")
        configuration.rules = try plan.rules.map { try SinkRule(parsing: $0) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let sink = try await Sink.start(configuration, group: group)
        let proxy = plan.proxied == nil ? nil : try await CutProxy.start(to: store.port)
        let rig = ClusterRig(plan: plan, store: store, sink: sink, proxy: proxy, folder: folder, group: group)
        do {
            for _ in 0..<plan.nodes { try await rig.add() }
            let result = try await body(rig)
            await rig.stop()
            return result
        } catch {
            await rig.stop()
            throw error
        }
    }

    /// Starts one more member.
    @discardableResult func add() async throws -> ClusterMember {
        let index = members.count
        let port = index == plan.proxied ? proxy?.port ?? 0 : store.port
        let url = "redis://127.0.0.1:\(port)"
        let policy = Self.policy(plan, store: url, sink: sink.address.port ?? 0)
        let member = try await ClusterMember.start("n\(index)", policy: policy, domains: plan.domains)
        members.append(member)
        return member
    }

    /// The policy of a member; `FOLDER` in it is replaced by the member's own.
    static func policy(_ plan: ClusterPlan, store: String, sink: Int) -> String {
        """
        local kumo = require 'kumo'
        local STORE = '\(store)'
        kumo.on('init', function()
          kumo.define_spool { name = 'data', path = 'FOLDER/spool', min_free_space = '0%', min_free_inodes = '0%' }
          kumo.configure_local_logs { log_dir = 'FOLDER/logs', meta = { '*' }, min_free_space = '0%', min_free_inodes = '0%' }
          kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
          kumo.configure_redis_throttles { node = STORE, response_timeout = '300ms', \(plan.throttles) }
        end)
        kumo.on('get_egress_path_config', function(domain, source, site)
          return { smtp_port = \(sink), prohibited_hosts = {}, \(plan.path) }
        end)
        kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
          return { \(plan.queue) }
        end)

        """ + plan.policy
    }

    private func stop() async {
        store.resume()
        for member in members { await member.stop() }
        await sink.stop()
        try? await group.shutdownGracefully()
        await proxy?.stop()
        store.kill()
    }

    // MARK: Looking

    var counters: SinkCounters { sink.counters }

    /// Waits until the store has watched for long enough to grant.
    func storeIsOpen(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await expectEventually("the store grants", within: .seconds(40), sourceLocation: sourceLocation) {
            members.allSatisfy { ($0.cluster?.limits.statistics.answers ?? 0) >= 12 && $0.modes == [.redis] }
        }
    }

    /// What the sink accepted; it writes its record every 50 ms, or when the machine lets it.
    func arrivals() async -> Arrivals {
        let count = counters.messages
        _ = await eventually { Arrivals(folder.text("record")).count >= count }
        return Arrivals(folder.text("record"))
    }
}
