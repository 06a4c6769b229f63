import Client
import Cluster
import DNS
import Foundation
import NIOPosix
import Shaping
import Telemetry
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Node
@testable import Resources

/// One node of a `ClusterRig`. *Shared*: its test owns it.
final class ClusterMember {
    let name: String
    let folder: TestFolder
    private let domains: [String]
    private(set) var node: Node
    private var isStopped = false
    private var sent = 0

    private init(_ name: String, folder: TestFolder, domains: [String], node: Node) {
        self.name = name
        self.folder = folder
        self.domains = domains
        self.node = node
    }

    /// - Parameter policy: with `FOLDER` where the path of the node's folder goes.
    static func start(_ name: String, policy: String, domains: [String] = []) async throws -> ClusterMember {
        let folder = TestFolder()
        folder.write("init.lua", policy.replacingOccurrences(of: "FOLDER", with: folder.path))
        return ClusterMember(name, folder: folder, domains: domains, node: try await Node.start(options(name, folder, domains)))
    }

    private static func options(_ name: String, _ folder: TestFolder, _ domains: [String]) -> NodeOptions {
        var options = NodeOptions(policyFile: folder.file("init.lua"))
        options.hostname = "node.test"
        options.nodeName = name
        options.loops = 1
        let zone = domains.flatMap { ["\($0). 60 IN MX 10 mx.\($0).", "mx.\($0). 60 IN A 127.0.0.1"] }
        options.resolver = ResolverConfiguration(localData: Rig.zone + zone)
        return options
    }

    /// Stops the node; its logs can be read then.
    func stop() async {
        guard !isStopped else { return }
        isStopped = true
        await node.stop()
    }

    /// Starts it again on the same spool, under the same name.
    func start() async throws {
        node = try await Node.start(Self.options(name, folder, domains))
        isStopped = false
        _ = await eventually { node.services.state.isRecovered }
    }

    // MARK: Mail

    /// Where it takes mail.
    var port: Int { node.addresses.first.flatMap { Int($0.split(separator: ":").last ?? "") } ?? 0 }

    /// Hands the node that many messages; the recipients are `<name>-<number>@domain`.
    func load(_ count: Int, to domain: String) async throws {
        let (name, port, part) = (name, port, sent..<sent + count)
        sent += count
        // On a thread where it may block: those of the tasks are few.
        try await NIOThreadPool.singleton.runIfActive {
            let client = try RawClient(port: port)
            try client.say("EHLO client.test")
            for start in stride(from: part.lowerBound, to: part.upperBound, by: 100) {
                let recipients = (start..<min(part.upperBound, start + 100)).map { "\(name)-\($0)@\(domain)" }
                let reply = try client.deliver(to: recipients)
                guard reply.hasPrefix("250") else { throw RawClient.Failure(description: "\(name) refuses mail: \(reply)") }
            }
        }
    }

    // MARK: Looking

    var cluster: Cluster? { node.cluster }
    var control: ControlState { node.services.control }

    /// By what right it uses limits.
    var modes: Set<LimitMode> { Set(cluster?.limits.modes(now: Clock.monotonic()) ?? []) }

    /// The names of the members it sees alive.
    var living: Set<String> { Set(node.clusterView.members().filter { $0.status == .alive }.map(\.node)) }

    func queue(_ name: String) async -> QueueStatus? { await node.inspection.queues().first { $0.queue == name } }

    /// The value of a metric, summed over its series.
    func metric(_ name: String) -> Double {
        let text = String(decoding: node.services.registry.render(prefix: nil), as: UTF8.self)
        return text.split(separator: "\n").filter { line in
            line.hasPrefix(name) && [" ", "{"].contains(line.dropFirst(name.count).first)
        }.compactMap { Double($0.split(separator: " ").last ?? "") }.reduce(0, +)
    }

    /// The log records; ends the node first.
    func records(_ type: String? = nil) async throws -> [LoggedRecord] {
        await stop()
        return try LogFiles.records(in: folder.file("logs")).filter { type == nil || $0.type == type }
    }

    /// Issues a rule as the HTTP API does.
    @discardableResult func rule(
        _ kind: ControlKind, _ scope: ControlScope, payload: String = "", lasts: Duration = .seconds(600)
    ) throws -> ControlEntry {
        try control.issue(
            .rule(
                kind, scope: scope, payload: payload, reason: "because", issuer: "tester", expires: Clock.wall() + lasts.wholeNanoseconds))
    }
}
