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
        let server = HTTPServer(node: self, config: httpConfig)
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

    /// *Value*: which part of `serve` has ended.
    private enum Part: Sendable {
        case signal
        case server((any Error)?)
    }
}
