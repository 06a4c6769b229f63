import Delivery
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Resources
import Synchronization
import Telemetry

/// *Shared*: what all connections of the HTTP listener have in common: who may ask, what there is, how many there may be.
final class HTTPFront: Sendable {
    /// Who may ask what.
    package let access: AccessRule
    let routes: RouteTable
    /// How much may be in memory.
    package let budget: ResidentBudget
    /// The largest body of a trusted client, in bytes.
    let bodyLimit: Int
    let logger: Logger
    private let responder: RouterResponder<APIContext>
    private let maxConnections: Int
    private let metrics: HTTPMetrics
    private let stopping = Atomic<Bool>(false)
    private let open = Mutex(Open())

    /// *Value*: the connections that are open.
    private struct Open {
        /// How many there are.
        package var count = 0
        var strangers = 0
        /// The connections and their loops.
        package var connections: [ObjectIdentifier: (loop: any EventLoop, connection: NIOLoopBound<HTTPConnection>)] = [:]
        var drained: EventLoopPromise<Void>?
    }

    /// *Value*: a place among the connections.
    struct Admission: Sendable {
        let isTrusted: Bool
        /// There is room for it; else it is told so and closed.
        let isWelcome: Bool
    }

    package init(
        access: AccessRule, routes: RouteTable, responder: RouterResponder<APIContext>, budget: ResidentBudget, bodyLimit: Int,
        maxConnections: Int, metrics: HTTPMetrics, logger: Logger
    ) {
        self.access = access
        self.routes = routes
        self.responder = responder
        self.budget = budget
        self.bodyLimit = bodyLimit
        self.maxConnections = maxConnections
        self.metrics = metrics
        self.logger = logger
    }

    /// Asks the routes.
    package func answer(_ request: Request, _ context: APIContext) async -> HTTPReply {
        do {
            return try await HTTPReply(try await responder.respond(to: request, context: context))
        } catch {
            return HTTPReply(.internalServerError, text: "the node could not answer: \(error)")
        }
    }

    func countAnswer(_ code: UInt) { metrics.answers.with(String(code)).add(1) }

    // MARK: Connections

    /// Whether another connection may be accepted. A few more than the limit, so that clients hear why instead of waiting in the backlog.
    var hasRoom: Bool { open.withLock { $0.count } < maxConnections + DescriptorBudget.overflow(of: maxConnections) }
    var isStopping: Bool { stopping.load(ordering: .relaxed) }

    /// Counts a connection. Strangers, who may ask for the probes only, get half of the places: they cannot shut operators out.
    func admit(isTrusted: Bool) -> Admission {
        let isWelcome = open.withLock { open in
            open.count += 1
            if !isTrusted { open.strangers += 1 }
            return open.count <= maxConnections && (isTrusted || open.strangers <= max(1, maxConnections / 2))
        }
        metrics.connections.add(1)
        metrics.opened.add(1)
        if !isWelcome { metrics.denied.add(1) }
        return Admission(isTrusted: isTrusted, isWelcome: isWelcome)
    }

    /// A connection is closed.
    package func leave(_ admission: Admission) {
        metrics.connections.add(-1)
        open.withLock { open in
            open.count -= 1
            if !admission.isTrusted { open.strangers -= 1 }
        }
    }

    /// Keeps a connection in mind until it is closed.
    package func remember(_ connection: HTTPConnection, of channel: any Channel) {
        let key = ObjectIdentifier(connection)
        let entry = (loop: channel.eventLoop, connection: NIOLoopBound(connection, eventLoop: channel.eventLoop))
        open.withLock { $0.connections[key] = entry }
        channel.closeFuture.whenComplete { [self] _ in
            let drained = open.withLock { open -> EventLoopPromise<Void>? in
                open.connections[key] = nil
                return open.connections.isEmpty ? open.drained : nil
            }
            drained?.succeed(())
        }
    }

    /// Ends all connections: idle ones now, the others after the answer they work on, and after `deadline`, or when `isHurried` says so,
    /// whatever is left.
    func drain(on loop: any EventLoop, within deadline: TimeAmount, isHurried: @escaping @Sendable () -> Bool = { false }) async {
        stopping.store(true, ordering: .relaxed)
        let drained = loop.makePromise(of: Void.self)
        let connections = open.withLock { open in
            open.drained = drained
            return Array(open.connections.values)
        }
        if connections.isEmpty { drained.succeed(()) }
        for entry in connections { entry.loop.execute { entry.connection.value.stop() } }
        let end = NIODeadline.now() + deadline
        let cut = loop.scheduleRepeatedTask(initialDelay: .milliseconds(20), delay: .milliseconds(20)) { [self] _ in
            guard NIODeadline.now() >= end || isHurried() else { return }
            for entry in open.withLock({ Array($0.connections.values) }) { entry.loop.execute { entry.connection.value.abort() } }
        }
        try? await drained.futureResult.get()
        cut.cancel()
    }
}

/// *Shared*: the metrics of the HTTP listener.
struct HTTPMetrics: Sendable {
    /// Connections that are open.
    package let connections: Gauge
    /// Connections so far.
    package let opened: Counter
    let denied: Counter
    /// Answers by status.
    package let answers: CounterFamily

    /// Registers the metrics.
    package init(_ registry: MetricRegistry) {
        connections = registry.gauge("connection_count", "Open connections.", labels: ["service"]).with("http_listener")
        opened = registry.counter("total_connection_count", "Connections opened.", labels: ["service"]).with("http_listener")
        denied = registry.counter("total_connections_denied", "Connections refused because of a limit.", labels: ["service"])
            .with("http_listener")
        answers = registry.counter("http_answers_total", "Answers of the HTTP listener, by status.", labels: ["status"])
    }
}
