import Cluster
import DNS
import Glibc
import NIOCore
import NIOPosix
import Options
import Policy
import SMTP
import Shaping
import Spool
import TLS
import Telemetry
import TestSupport
import Testing

@testable import Delivery
@testable import Intake
@testable import Resources

/// A listener on loopback with shards, a spool and queues behind it, and no node. Nothing is delivered: everything is suspended.
final class IntakeRig: Sendable {
    let folder = TestFolder()
    let group: MultiThreadedEventLoopGroup
    let services: DeliveryServices
    let shards: Shards
    let listener: SMTPListener
    let port: Int

    /// Runs `body` with a rig, and ends it.
    static func run(
        listener options: [String: ConfigValue] = [:], policy: String? = nil, resident: Int = 64 << 20,
        _ body: (IntakeRig) async throws -> Void
    ) async throws {
        let rig = try await IntakeRig(options, policy: policy, resident: resident)
        do { try await body(rig) } catch {
            await rig.stop()
            throw error
        }
        await rig.stop()
    }

    private init(_ options: [String: ConfigValue], policy: String?, resident: Int) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let registry = MetricRegistry()
        let directory = folder.file("spool")
        mkdir(directory, 0o750)
        let spool = try Spool(SpoolOptions(directory: directory, nodeID: "rig"), metrics: registry)
        let control = try ControlState(directory: directory, node: "rig", clock: Clock.wall)
        services = DeliveryServices(
            hostname: "node.test", nodeID: "rig", group: group, spool: spool,
            router: MailRouter(resolver: try Resolver(ResolverConfiguration())),
            limits: LimitRoots(), registry: registry, metrics: NodeMetrics(registry), logs: DeliveryLogs(writers: [], nodeID: "rig"),
            resident: ResidentBudget(limit: resident), durability: .written, control: control, ruleWatch: RuleWatch(directory: directory),
            state: NodeState())
        _ = try control.issue(
            .rule(.suspend, scope: ControlScope(isEverything: true), reason: "rig", issuer: "rig", expires: nil))
        shards = Shards(services)
        services.state.phase = .ready
        if let policy {
            folder.write("policy.lua", policy)
            for shard in shards.all { try await shard.use(folder.file("policy.lua")) }
        }
        let config = try ESMTPListenerConfig(
            ["listen": .string("127.0.0.1:0"), "relay_hosts": .list([.string("127.0.0.1")])].merging(options) { $1 })
        let socket = try BoundSocket(host: "127.0.0.1", port: 0)
        port = Int(socket.address.split(separator: ":").last ?? "") ?? 0
        let identity = ServerIdentity(try ServerContext([.selfSigned(for: "node.test")]))
        listener = SMTPListener(ListenerGate(config: config, services: services, identity: identity, nodeSeed: 1), on: group.next())
        try await listener.start(socket, shards: shards)
    }

    private func stop() async {
        services.state.phase = .stopping
        await listener.stop()
        services.spool.close()
        try? await group.shutdownGracefully()
    }

    /// A client that has said EHLO.
    func client() throws -> RawClient {
        let client = try RawClient(port: port)
        try client.say("EHLO client.test")
        return client
    }

    /// What the queues hold, by name.
    func queued() async -> [String: Int] { await shards.messageCounts(ControlScope(isEverything: true)) }

    /// Messages that are in the queues once all that was accepted has arrived there.
    func arrived(_ count: Int) async throws -> [String: Int] {
        try await expectEventually("\(count) messages in queues") { await self.queued().values.reduce(0, +) >= count }
        return await queued()
    }
}

extension Shard {
    /// Reads a policy and puts it in force.
    fileprivate func use(_ file: String) throws {
        ground.use(try PolicyEngine(file: file, host: QuietHost(), role: .primary, limits: PolicyLimits()))
    }
}

/// A host for policies that ask for nothing.
private final class QuietHost: PolicyHost {
    func schedule(after: Duration, _ work: @escaping () -> Void) { work() }
    func http(_ request: PolicyHTTPRequest, completion: @escaping (Result<PolicyHTTPResponse, PolicyError>) -> Void) {
        completion(.failure(.failed(message: "no network")))
    }
    func redis(_ request: PolicyRedisRequest, completion: @escaping (Result<PolicyRedisReply, PolicyError>) -> Void) {
        completion(.failure(.failed(message: "no network")))
    }
    func throttle(name: String, spec: ThrottleSpec, quantity: Int) throws(PolicyError) -> PolicyThrottleResult {
        throw .failed(message: "no throttles")
    }
    func admin(_ request: PolicyAdminRequest) -> Result<String, PolicyError> { .failure(.failed(message: "no orders")) }
    func log(level: PolicyLogLevel, text: String) {}
}
