package import API
package import Control
import Delivery
package import Intake
import Resources
package import Shaping

extension Node {
    /// Serves HTTP, calls `ready` with its address (`nil` without a listener), and stops the node when `until` returns.
    package func serve(
        ready: @escaping @Sendable (String?) -> Void, until: @escaping @Sendable () async -> Void
    ) async throws {
        guard let httpConfig else {
            ready(nil)
            await until()
            return await stop()
        }
        let server = httpServer(httpConfig)
        let (closing, close) = AsyncStream.makeStream(of: Void.self)
        let failure = await withTaskGroup(of: Part.self) { parts in
            parts.addTask {
                do { try await server.run(bound: { ready($0) }, until: { for await _ in closing {} }) } catch { return .server(error) }
                return .server(nil)
            }
            parts.addTask {
                await until()
                return .signal
            }
            var failure: (any Error)?
            while let part = await parts.next() {
                switch part {
                case .signal:
                    // What was acknowledged is on disk before the server is asked to end.
                    await beginStop()
                    close.finish()
                case .server(let error):
                    // Before the signal it ends only by error.
                    failure = error
                    parts.cancelAll()
                }
            }
            return failure
        }
        if services.state.phase == .stopping { await endStop() } else { await stop() }
        if let failure { throw failure }
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

    /// *Value*: which part of `serve` has ended.
    private enum Part: Sendable {
        case signal
        case server((any Error)?)
    }
}
