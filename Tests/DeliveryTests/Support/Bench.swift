import Cluster
import DNS
import Glibc
import Message
import NIOCore
import NIOEmbedded
import Platform
import SMTP
import Shaping
import Spool
import Telemetry
import TestSupport
import Testing

@testable import Delivery

/// One shard on a loop that only turns when the test says so, without sockets and without a policy. *Loop-confined* to its test.
final class Bench {
    let folder = TestFolder()
    let loop = EmbeddedEventLoop()
    let services: DeliveryServices
    let shard: Shard

    /// Turned by the test; starts as the machine's are.
    let clocks: TestClocks

    init(_ clocks: TestClocks = TestClocks()) throws {
        self.clocks = clocks
        let registry = MetricRegistry()
        mkdir(folder.file("spool"), 0o750)
        let spool = try Spool(SpoolOptions(directory: folder.file("spool"), nodeID: "bench"), metrics: registry)
        let state = NodeState()
        services = DeliveryServices(
            hostname: "node.test", nodeID: "bench", group: loop, spool: spool,
            router: MailRouter(resolver: try Resolver(ResolverConfiguration(localData: ["example.com. 60 IN MX 10 mx.example.com."]))),
            limits: LimitRoots(), registry: registry, metrics: NodeMetrics(registry),
            logs: DeliveryLogs(writers: [], nodeID: "bench"), resident: ResidentBudget(limit: 1 << 20), durability: .written,
            control: try ControlState(
                directory: folder.file("spool"), node: "bench", clock: { clocks.wall.unixNanoseconds }, steady: { clocks.steady }),
            ruleWatch: RuleWatch(directory: folder.file("spool")), state: state, clocks: clocks.clocks)
        services.state.phase = .ready
        shard = Shard(index: 0, loop: loop, services: services)
        services.shards.install([shard])
    }

    deinit { services.spool.close() }

    /// A paused queue, so that what settles stays where it was put; it knows its route, so that nothing is looked up on another thread.
    func queue(_ name: String = "example.com") -> ScheduledQueue {
        #expect(throws: Never.self) {
            try services.control.issue(.rule(.suspend, scope: ControlScope(queues: [name]), reason: "bench", issuer: "bench", expires: nil))
        }
        let queue = services.queue(named: name)
        queue.route = MailRoute(siteName: "dead", hosts: [], kind: .list, expires: .distantFuture)
        return queue
    }

    /// Ends all rules.
    func resume() throws { for entry in services.control.entries { _ = try services.control.remove(id: entry.id, issuer: "bench") } }

    func message(_ recipients: [String], in queue: ScheduledQueue, age: Duration = .zero) -> QueuedMessage {
        QueuedMessage(
            id: MessageID(high: 1, low: 2), handle: SpoolHandle(raw: 7), sender: .null,
            recipients: recipients.map { EnvelopeAddress(stored: $0) }, meta: [], created: (clocks.wall - age).unixNanoseconds, attempts: 0,
            expires: 0,
            content: MessageContent(headers: ByteBuffer(string: "A: b\r\n\r\n"), body: .inline(ByteBuffer()), bodyLength: 0, is8bit: false),
            size: 8, queue: queue, received: clocks.steady - age)
    }

    /// A path to a site without hosts: every connection fails at once, without a socket.
    func deadPath(_ queue: ScheduledQueue) -> EgressPath {
        EgressPath(
            name: "unspecified->dead@smtp_client", source: QueueSetup.Source(name: "unspecified", config: .unspecified),
            route: MailRoute(siteName: "dead", hosts: [], kind: .list, expires: .distantFuture), domain: "example.com", shard: shard)
    }

    var metrics: NodeMetrics { services.metrics }

    func value(_ name: String) -> Double {
        String(decoding: services.registry.render(prefix: nil), as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix(name) && [" ", "{"].contains($0.dropFirst(name.count).first) }
            .compactMap { Double($0.split(separator: " ").last ?? "") }.reduce(0, +)
    }
}
