package import API
package import Control
import Delivery
package import Intake
import Resources
package import ServiceLifecycle
package import Shaping
import Telemetry

extension Node {
    /// Serves HTTP, calls `ready` with its address (`nil` without a listener), and stops the node when `signals` returns.
    ///
    /// The parts are services of a group. They are stopped in the reverse order, each when the one before has ended: first what was acknowledged
    /// is written, then HTTP ends, then mail, then the parts are closed. A part that fails ends the others in the same way.
    package func serve(signals: any Service, ready: @escaping @Sendable (String?) -> Void) async throws {
        var services = [Self.part(Stage { await self.close() }), Self.part(Stage { await self.drain() })]
        if let httpConfig {
            let server = httpServer(httpConfig)
            services.append(
                Self.part(ClosureService { try await server.run(bound: { ready($0) }, until: { try? await gracefulShutdown() }) }))
        } else {
            ready(nil)
        }
        services.append(Self.part(Stage { await self.announceStop() }))
        services.append(Self.part(signals))
        let configuration = ServiceGroupConfiguration(services: services, logger: LibraryLog.logger("service-lifecycle"))
        try await ServiceGroup(configuration: configuration).run()
    }

    /// A service whose end, with an error or without, ends the node in order.
    private static func part(_ service: any Service) -> ServiceGroupConfiguration.ServiceConfiguration {
        .init(
            service: service, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .gracefullyShutdownGroup)
    }

    /// *Value*: a stage of the stop, as a service that does nothing until then.
    private struct Stage: Service {
        let stop: @Sendable () async -> Void

        func run() async throws {
            try? await gracefulShutdown()
            await stop()
        }
    }

    /// The HTTP listener of this node.
    package func httpServer(_ config: HTTPListenerConfig) -> HTTPServer {
        HTTPServer(config: config, shards: shards, view: clusterView, explainer: explainer, heartbeats: heartbeats)
    }

    /// Answers why something does not move.
    package var explainer: Explainer { Explainer(shards, view: clusterView, http: http) }
    /// Takes mail over HTTP.
    package var injector: Injector { Injector(shards) }
    /// Shows what there is.
    package var inspection: Inspection { Inspection(shards) }
    /// Takes orders.
    package var orders: Orders { Orders(services) }
}
