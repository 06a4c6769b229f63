import Cluster
import DNS
import Dispatch
import Glibc
import Message
import NIOCore
import NIOEmbedded
import Platform
import SMTP
import Shaping
import Spool
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Delivery
@testable import Resources

/// One shard on a loop that only turns when the test says so, without sockets and without a policy. *Loop-confined* to its test.
final class Bench {
    let folder = TestFolder()
    let loop = TurnedLoop()
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
        shard = Shard(services.shards.all[0], services: services)
    }

    deinit { services.spool.close() }

    /// A paused queue, so that what settles stays where it was put; it knows its route, so that nothing is looked up on another thread.
    func queue(_ name: String = "example.com") -> ScheduledQueue {
        #expect(throws: Never.self) {
            try services.control.issue(.rule(.suspend, scope: ControlScope(queues: [name]), reason: "bench", issuer: "bench", expires: nil))
        }
        let queue = openQueue(name)
        queue.route = MailRoute(siteName: "dead", hosts: [], kind: .list, expires: .distantFuture)
        return queue
    }

    /// The queue of that name as it is, under no rule.
    func openQueue(_ name: String = "example.com") -> ScheduledQueue {
        let gate = services.queue(named: name)
        nonisolated(unsafe) var found: ScheduledQueue?
        shard.assumeIsolated { found = $0.scheduledQueue(gate) }
        return found!
    }

    /// What the shard shares with its queues.
    var ground: ShardGround {
        nonisolated(unsafe) var found: ShardGround?
        shard.assumeIsolated { found = $0.ground }
        return found!
    }

    /// Ends all rules.
    func resume() throws { for entry in services.control.entries { _ = try services.control.remove(id: entry.id, issuer: "bench") } }

    func message(
        _ recipients: [String], in queue: ScheduledQueue, age: Duration = .zero, life: Duration? = nil,
        handle: SpoolHandle = SpoolHandle(raw: 7)
    ) -> QueuedMessage {
        let created = clocks.wall - age
        return QueuedMessage(
            MessageEnvelope(
                id: MessageID(high: 1, low: 2), handle: handle, sender: .null, created: created.unixNanoseconds,
                received: clocks.steady - age, expires: life.map { (created + $0).unixNanoseconds } ?? 0, size: 8),
            recipients: recipients.map { EnvelopeAddress(stored: $0) }, meta: [],
            content: MessageContent(headers: ByteBuffer(string: "A: b\r\n\r\n"), body: .inline(ByteBuffer()), bodyLength: 0, is8bit: false),
            queue: queue.gate)
    }

    /// The same, and the spool has it too.
    func storedMessage(_ recipients: [String], in queue: ScheduledQueue) throws -> QueuedMessage {
        let draft = SpoolDraft(
            id: MessageID(high: 1, low: 2),
            envelope: SpoolEnvelope(
                sender: "", recipients: recipients, queue: queue.name, created: clocks.wall.unixNanoseconds, due: 0, attempts: 0,
                expires: 0,
                lastReply: "", meta: []),
            headers: ByteBuffer(string: "A: b\r\n\r\n"), body: .inline(ByteBuffer()))
        let answer = SpoolAnswer()
        services.spool.append([draft], durability: .written, ticket: 1, to: answer)
        return message(recipients, in: queue, handle: try answer.wait().get()[0])
    }

    /// The recipients that the spool has for a message, once it has written what was recorded.
    func storedRecipients(of message: QueuedMessage) throws -> [String] {
        let answer = SpoolAnswer()
        services.spool.barrier(ticket: 2, to: answer)
        _ = try answer.wait().get()
        let read = Mutex<Result<SpoolMessage, SpoolError>?>(nil)
        let done = DispatchSemaphore(value: 0)
        services.spool.read(message.handle, ticket: 0) { result in
            read.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        let envelope = try read.withLock { $0 }!.get().envelope
        return StoredRecipients.split(envelope.meta).recipients ?? envelope.recipients
    }

    /// A path to a site without hosts: every connection fails at once, without a socket.
    static func deadPath() -> PathGate {
        PathGate(
            name: "unspecified->dead@smtp_client", source: EgressSource(name: "unspecified", config: .unspecified),
            route: MailRoute(siteName: "dead", hosts: [], kind: .list, expires: .distantFuture), domain: "example.com", shard: 0)
    }

    /// The lane of a path, outside of any actor.
    func lane(_ path: PathGate) -> EgressLane { EgressLane(path, on: services.shards.all[0], services: services) }

    var metrics: NodeMetrics { services.metrics }

    func value(_ name: String) -> Double {
        String(decoding: services.registry.render(prefix: nil), as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix(name) && [" ", "{"].contains($0.dropFirst(name.count).first) }
            .compactMap { Double($0.split(separator: " ").last ?? "") }.reduce(0, +)
    }
}

/// Waits for what the spool answers. *Shared.*
private final class SpoolAnswer: SpoolMailbox {
    private let result = Mutex<Result<[SpoolHandle], SpoolError>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func deliver(_ completions: [SpoolCompletion]) {
        result.withLock { $0 = completions.first?.result }
        done.signal()
    }

    func wait() -> Result<[SpoolHandle], SpoolError> {
        done.wait()
        return result.withLock { $0 }!
    }
}
