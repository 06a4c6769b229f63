import Cluster
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
package import Shaping
import Synchronization
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
    private static let grace = Duration.seconds(3)

    /// Serves until `until` returns or the task is cancelled; `bound` gets the address once.
    ///
    /// The end is graceful: the port is closed first, connections without a request are closed, requests under way are answered. Only what
    /// is left after the grace is cut off.
    package func run(
        bound: @escaping @Sendable (String) -> Void,
        until: @escaping @Sendable () async -> Void = { try? await Task.sleep(for: .seconds(1 << 30)) }
    ) async throws {
        var logger = Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let access = try AccessRule(trusted: config.trustedHosts)
        let router = Router(context: APIContext.self)
        router.add(middleware: PlainErrors())
        router.add(middleware: access)
        ProbeRoutes(node: node).add(to: router)
        QueueRoutes(node: node).add(to: router)
        RuleRoutes(node: node).add(to: router)
        ClusterRoutes(node: node).add(to: router)
        InjectRoutes(node: node, limit: config.requestBodyLimit, rules: InjectionRules(config.content)).add(to: router)
        let application = Application(
            router: router,
            // A client that stops sending, or whose body was refused, is not waited for longer than this.
            server: HTTPServerBuilder { responder in
                HeldHTTPChannel(HTTP1Channel(responder: responder, configuration: .init(idleTimeout: .seconds(60))))
            },
            configuration: .init(address: .hostname(config.listen.host, port: config.listen.port), serverName: nil),
            onServerRunning: { channel in
                let address = channel.localAddress
                let text = "\(address?.ipAddress ?? config.listen.host):\(address?.port ?? config.listen.port)"
                node.services.clusterView.announce(address: text)
                bound(text)
            },
            eventLoopGroupProvider: .shared(node.services.group), logger: logger)
        do {
            let services = ServiceGroup(configuration: .init(services: [application], logger: logger))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await services.run() }
                tasks.addTask {
                    await until()
                    await services.triggerGracefulShutdown()
                    let end = Clock.monotonic() + Self.grace.wholeNanoseconds
                    while Clock.monotonic() < end, !node.services.state.isHurried {
                        do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
                    }
                }
                // The server ends by error, by its end, or the grace is over.
                try await tasks.next()
                tasks.cancelAll()
            }
        } catch let error as IOError {
            throw NodeError(
                "cannot listen on \(config.listen.text) for HTTP: \(error); stop the process that has the port, or choose another with --http"
            )
        }
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
        } catch is DecodingError {
            return Response(status: .badRequest, text: "the body is not the JSON this endpoint takes")
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
