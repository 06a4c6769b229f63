import Cluster
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
package import Shaping
import Telemetry

/// *Shared*: the node's HTTP listener: injection, queues, metrics, probes.
package struct HTTPServer: Sendable {
    let node: Node
    let config: HTTPListenerConfig

    package init(node: Node, config: HTTPListenerConfig) {
        self.node = node
        self.config = config
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
        node.services.clusterView.announce(address: address)
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
        await front.drain(on: channel.eventLoop, within: Self.grace) { [state = node.services.state] in state.isHurried }
        if !isAsked { throw NodeError("the HTTP listener on \(address) was closed by the system; start the node again") }
    }

    private func makeFront() -> HTTPFront {
        var logger = Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let router = Router(context: APIContext.self)
        router.add(middleware: PlainErrors())
        ProbeRoutes(node: node).add(to: router)
        QueueRoutes(node: node).add(to: router)
        RuleRoutes(node: node).add(to: router)
        ClusterRoutes(node: node).add(to: router)
        InjectRoutes(node: node, limit: config.requestBodyLimit, rules: InjectionRules(config.content)).add(to: router)
        let services = node.services
        return HTTPFront(
            access: AccessRule(config: config, nodeName: services.hostname), routes: RouteTable(router), responder: router.buildResponder(),
            budget: services.resident, bodyLimit: config.requestBodyLimit,
            maxConnections: min(config.maxConnections, services.descriptors.http), metrics: HTTPMetrics(services.registry), logger: logger)
    }

    private func listen(_ socket: BoundSocket, _ front: HTTPFront) async throws -> any Channel {
        let group = node.services.group
        var turns: [ObjectIdentifier: LoopBound<HTTPTurns>] = [:]
        for loop in group.makeIterator() { turns[ObjectIdentifier(loop)] = LoopBound(HTTPTurns(loop: loop)) }
        let turnsByLoop = turns
        let gate = AcceptGate.Plan(listener: "http_listener", registry: node.services.registry) { front.hasRoom }
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
                        try channel.syncOptions?.setOption(.recvAllocator, value: HTTPReadSize(connection: connection))
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

/// *Value*: what a request knows: the address it came from.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let remote: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remote = source.channel.remoteAddress
    }
}

/// *Value*: answers errors as one line of text, whatever threw them.
struct PlainErrors<Context: RequestContext>: RouterMiddleware {
    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError {
            return Response(status: error.status, text: error.body ?? error.status.reasonPhrase)
        } catch let error as NodeError {
            return Response(status: .internalServerError, text: error.message)
        } catch let error as ControlError {
            return Response(
                status: error.code == .invalid ? .badRequest : error.code == .full ? .conflict : .internalServerError,
                text: error.description)
        } catch let error as JSONFault {
            return Response(status: .badRequest, text: error.sentence(about: "the body"))
        }
    }
}

extension Response {
    /// A text answer ending in a newline.
    init(status: HTTPResponse.Status, text: String) {
        self.init(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }

    /// A JSON answer.
    init(status: HTTPResponse.Status = .ok, json: ByteBuffer) {
        self.init(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: json))
    }
}
