import Client
import Cluster
import DNS
import Foundation
import NIOCore
import NIOPosix
import Shaping
import Telemetry
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Node
@testable import Resources
@testable import Sink

/// What a functional test asks for. *Value.*
struct RigPlan {
    /// Options inside `start_esmtp_listener { … }`.
    var listener = ""
    /// Options of the table that `get_queue_config` returns; `nil` for no handler.
    var queue: String? = "retry_interval = '1s'"
    /// Options of the table that `get_egress_path_config` returns, besides `smtp_port`.
    var path = "prohibited_hosts = {}"
    /// More Lua, after the rest.
    var policy = ""
    /// Rules of the sink.
    var rules: [String] = []
    var sink: @Sendable (inout SinkConfiguration) -> Void = { _ in }
    /// Records beside those of `Rig.zone`.
    var zone: [String] = []
    var loops = 2
    /// Bytes of memory for mail; the default of a node otherwise.
    var resident: Int?
    /// Delivers to this port and starts no sink.
    var port: Int?
}

/// A node and a sink in this process. *Shared*: its test owns it.
final class Rig {
    /// Two domains at the same host, one without MX, one with a null MX, and one with a dead host before the living one.
    static let zone = [
        "example.com. 60 IN MX 10 mx.example.com.",
        "twin.test. 60 IN MX 10 mx.example.com.",
        "mx.example.com. 60 IN A 127.0.0.1",
        "implicit.test. 60 IN A 127.0.0.1",
        "null.test. 60 IN MX 0 .",
        "backup.test. 60 IN MX 10 dead.backup.test.",
        "backup.test. 60 IN MX 20 mx.example.com.",
        "dead.backup.test. 60 IN A 127.0.0.9",
    ]

    let folder: TestFolder
    let plan: RigPlan
    private(set) var sink: Sink?
    private(set) var node: Node

    private init(plan: RigPlan, folder: TestFolder, sink: Sink?, node: Node) {
        self.plan = plan
        self.sink = sink
        self.node = node
        self.folder = folder
    }

    /// Runs `body` with a rig, and stops it whatever happens.
    static func run<Result>(_ plan: RigPlan, _ body: (Rig) async throws -> Result) async throws -> Result {
        let rig = try await start(plan)
        do {
            let result = try await body(rig)
            await rig.stop()
            return result
        } catch {
            await rig.stop()
            throw error
        }
    }

    private static func start(_ plan: RigPlan) async throws -> Rig {
        let folder = TestFolder()
        var sink: Sink?
        if plan.port == nil {
            var configuration = SinkConfiguration(listen: "127.0.0.1:0")
            configuration.recordFile = folder.file("record")
            configuration.rules = try plan.rules.map { try SinkRule(parsing: $0) }
            plan.sink(&configuration)
            sink = try await Sink.start(configuration, group: MultiThreadedEventLoopGroup.singleton)
        }
        let port = plan.port ?? sink?.address.port ?? 0
        folder.write("init.lua", policy(plan, port: port, folder: folder))
        return Rig(plan: plan, folder: folder, sink: sink, node: try await Node.start(options(plan, folder)))
    }

    private static func options(_ plan: RigPlan, _ folder: TestFolder) -> NodeOptions {
        var options = NodeOptions(policyFile: folder.file("init.lua"))
        options.spoolDirectory = folder.file("spool")
        options.hostname = "node.test"
        options.loops = plan.loops
        if let resident = plan.resident { options.residentBytes = resident }
        options.resolver = ResolverConfiguration(localData: zone + plan.zone)
        return options
    }

    private static func policy(_ plan: RigPlan, port: Int, folder: TestFolder) -> String {
        var text = """
            local kumo = require 'kumo'
            local SINK = \(port)
            kumo.on('init', function()
              kumo.define_spool { name = 'data', path = '\(folder.file("spool"))', min_free_space = '0%', min_free_inodes = '0%' }
              kumo.configure_local_logs { log_dir = '\(folder.file("logs"))', meta = { '*' }, min_free_space = '0%', min_free_inodes = '0%' }
              kumo.start_esmtp_listener { listen = '127.0.0.1:0', \(plan.listener) }
            end)
            kumo.on('get_egress_path_config', function(domain, source, site)
              return { smtp_port = SINK, \(plan.path) }
            end)

            """
        if let queue = plan.queue {
            text += "kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)\n  return { \(queue) }\nend)\n"
        }
        return text + plan.policy
    }

    /// Stops the node and starts another on the same spool and policy.
    func restart() async throws {
        await node.stop()
        node = try await Node.start(Self.options(plan, folder))
        _ = await eventually { node.services.state.isRecovered }
    }

    private var isStopped = false

    /// Stops the node only; its logs can be read then.
    func stopNode() async {
        guard !isStopped else { return }
        isStopped = true
        await node.stop()
    }

    func stop() async {
        await stopNode()
        await sink?.stop()
        sink = nil
    }

    // MARK: Looking

    var smtpPort: Int { node.addresses.first.flatMap { Int($0.split(separator: ":").last ?? "") } ?? 0 }

    func client() throws -> RawClient {
        let client = try RawClient(port: smtpPort)
        try client.say("EHLO client.test")
        return client
    }

    /// One message from a fresh connection.
    @discardableResult func send(to recipients: String..., id: String = "m@test") throws -> String {
        try client().deliver(to: recipients, id: id)
    }

    /// The value of a metric, its labels included in `name`; summed over all series when `name` has none.
    func metric(_ name: String) -> Double {
        let text = String(decoding: node.services.registry.render(prefix: nil), as: UTF8.self)
        return text.split(separator: "\n").filter { line in
            line.hasPrefix(name) && [" ", "{"].contains(line.dropFirst(name.count).first)
        }.compactMap { Double($0.split(separator: " ").last ?? "") }.reduce(0, +)
    }

    var counters: SinkCounters { sink?.counters ?? SinkCounters() }

    func queue(_ name: String) async -> QueueStatus? { await node.inspection.queues().first { $0.queue == name } }

    /// Messages that are scheduled, ready or on a connection.
    func queued() async -> Int { await node.inspection.queues().reduce(0) { $0 + $1.scheduled + $1.active } }

    /// What the sink accepted: when (seconds), over which session, for whom, and which message.
    func received() async -> [(time: Double, session: String, recipients: [String], id: String)] {
        try? await Task.sleep(for: .milliseconds(120))  // the sink writes every 50 ms
        return folder.text("record").split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            return ((Double(fields[0]) ?? 0) / 1e9, fields[1], fields[2].split(separator: ",").map(String.init), fields[3])
        }
    }

    /// The log records; ends the node first, since a segment can be read when it is closed.
    func records(_ type: String? = nil) async throws -> [LoggedRecord] {
        await stopNode()
        return try LogFiles.records(in: folder.file("logs")).filter { type == nil || $0.type == type }
    }
}

extension Rig {
    func pause(_ queue: String) throws { try node.orders.pause(queue, reason: "test", issuer: "test") }

    /// As `POST /api/queues/resume` does it.
    func resume(_ name: String) throws { #expect(try node.orders.resume(name, issuer: "test")) }

    /// Issues a rule as the HTTP API does.
    @discardableResult func rule(
        _ kind: ControlKind, _ scope: ControlScope, payload: String = "", reason: String = "because", lasts: Duration? = nil
    ) throws -> ControlEntry {
        try node.services.control.issue(
            .rule(
                kind, scope: scope, payload: payload, reason: reason, issuer: "tester",
                expires: lasts.map { Clock.wall() + $0.wholeNanoseconds }))
    }
}
