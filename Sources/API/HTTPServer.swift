import Cluster
package import Control
package import Delivery
import HTTPTypes
import Hummingbird
import Intake
import NIOCore
import NIOHTTP1
import NIOPosix
import Options
package import Resources
package import Shaping
import Telemetry

/// *Shared*: the node's HTTP listener: injection, queues, metrics, probes.
package struct HTTPServer: Sendable {
    private let config: HTTPListenerConfig
    private let shards: Shards
    private var services: DeliveryServices { shards.services }
    private let view: any ClusterView
    private let explainer: Explainer
    private let heartbeats: [Heartbeat]

    /// - Parameters:
    ///   - explainer: answers why something does not move.
    ///   - heartbeats: one for each event loop.
    package init(
        config: HTTPListenerConfig, shards: Shards, view: any ClusterView, explainer: Explainer, heartbeats: [Heartbeat]
    ) {
        self.config = config
        self.shards = shards
        self.view = view
        self.explainer = explainer
        self.heartbeats = heartbeats
    }

    /// How long requests that are under way may take once `until` has returned.
    private static let grace = TimeAmount.seconds(3)

    /// Serves until `until` returns or the task is cancelled; `bound` gets the address once.
    ///
    /// Then the port is closed first, connections without a request are closed, and requests under way are answered. What is left after the
    /// grace is cut off.
    package func run(
        bound: @escaping @Sendable (String) -> Void,
        until: @escaping @Sendable () async -> Void = { try? await Task.sleep(for: .seconds(1 << 30)) }
    ) async throws {
        let front = makeFront()
        let socket: BoundSocket
        do {
            socket = try BoundSocket(host: config.listen.host, port: config.listen.port, takesBothFamilies: true)
        } catch {
            throw NodeError("HTTP: \(error.message) (--http chooses another address)")
        }
        let address = socket.address
        let channel = try await listen(socket, front)
        view.announce(address: address)
        bound(address)
        let isAsked = await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                await until()
                return true
            }
            tasks.addTask {
                try? await channel.closeFuture.get()
                return false
            }
            let isAsked = await tasks.next() ?? true
            channel.close(promise: nil)
            tasks.cancelAll()
            return isAsked
        }
        await front.drain(on: channel.eventLoop, within: Self.grace) { [state = services.state] in state.isHurried }
        if !isAsked { throw NodeError("the HTTP listener on \(address) was closed by the system; start the node again") }
    }

    private func makeFront() -> HTTPFront {
        let router = Router(context: APIContext.self)
        router.add(middleware: PlainErrors())
        let inspection = Inspection(shards)
        let orders = Orders(services)
        ProbeRoutes(services: services, heartbeats: heartbeats).add(to: router)
        QueueRoutes(inspection: inspection, orders: orders).add(to: router)
        RuleRoutes(inspection: inspection, orders: orders, view: view).add(to: router)
        ClusterRoutes(own: services.control.node, view: view, explainer: explainer).add(to: router)
        InjectRoutes(injector: Injector(shards), limit: config.requestBodyLimit, rules: InjectionRules(config.content)).add(to: router)
        return HTTPFront(
            access: AccessRule(config: config, nodeName: services.hostname), routes: RouteTable(router), responder: router.buildResponder(),
            budget: services.resident, bodyLimit: config.requestBodyLimit,
            maxConnections: min(config.maxConnections, services.descriptors.http), metrics: HTTPMetrics(services.registry),
            logger: LibraryLog.logger("hummingbird"))
    }

    private func listen(_ socket: BoundSocket, _ front: HTTPFront) async throws -> any Channel {
        let group = services.group
        var turns: [ObjectIdentifier: NIOLoopBoundBox<HTTPTurns>] = [:]
        for loop in group.makeIterator() {
            turns[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(HTTPTurns(loop: loop), eventLoop: loop)
        }
        let turnsByLoop = turns
        let gate = AcceptGate.Plan(listener: "http_listener", registry: services.registry) { front.hasRoom }
        return try await socket.serve(group: group, gate: gate) { bootstrap in
            bootstrap
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let turns = turnsByLoop[ObjectIdentifier(channel.eventLoop)] else {
                            throw NodeError("a connection came in on a foreign loop")
                        }
                        let connection = HTTPConnection(front: front, turns: turns.value)
                        let inlet = HTTPInlet(connection: connection)
                        connection.attach(inlet)
                        front.remember(connection, of: channel)
                        try channel.syncOptions?.setOption(.recvAllocator, value: HTTPReadSize(connection, on: channel.eventLoop))
                        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: Self.headLimits)
                        try channel.pipeline.syncOperations.addHandlers([
                            HTTPResponseEncoder(), inlet, ByteToMessageHandler(decoder), connection,
                        ])
                    }
                }
        }
    }

    private static var headLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16 * 1024
        limits.maxHeaderListSize = 32 * 1024
        limits.maxHeaderFieldCount = 200
        return limits
    }
}
