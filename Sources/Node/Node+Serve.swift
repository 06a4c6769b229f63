extension Node {
    /// Serves HTTP, calls `ready` with its address (`nil` without a listener), and stops the node when `until` returns.
    package func serve(
        ready: @escaping @Sendable (String?) -> Void, until: @escaping @Sendable () async -> Void
    ) async throws {
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                if let httpConfig {
                    let server = HTTPServer(node: self, config: httpConfig)
                    group.addTask {
                        try await server.run { ready($0) }
                        return false
                    }
                } else {
                    ready(nil)
                }
                group.addTask {
                    await until()
                    return true
                }
                // The HTTP server ends only by error before the signal comes.
                while let isSignal = try await group.next() {
                    guard isSignal else { continue }
                    services.state.phase = .stopping
                    group.cancelAll()
                }
            }
        } catch {
            await stop()
            if services.state.phase != .stopping || !(error is CancellationError) { throw error }
            return
        }
        await stop()
    }
}
