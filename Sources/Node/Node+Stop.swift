import AsyncHTTPClient
import Cluster
import Delivery
import Intake
import NIOCore
import NIOPosix
import Resources
import Spool
import Synchronization
import Telemetry

/// The order of a stop: what was acknowledged goes to disk, then nothing new comes in, then what runs ends, then the parts are closed.
extension Node {
    /// Stops taking mail, lets transactions in flight finish up to `deadline`, and makes the queue safe on disk.
    package func stop(deadline: Duration = .seconds(8)) async {
        await beginStop()
        await endStop(deadline: deadline)
    }

    /// What is running is not waited for any more. From any thread.
    package func hurry() { services.state.isHurried = true }

    /// Writes what is in memory only and stops taking mail.
    func beginStop() async {
        services.state.phase = .stopping
        await writeDrafts()
        cluster?.membership.update { $0.state = "draining" }
        for listener in listeners { await listener.stop() }
        for path in services.paths.all { services.post(path, .stop) }
    }

    /// Before anything is torn down, so that even a stop that is cut short has lost nothing that was acknowledged.
    private func writeDrafts() async {
        let answer = DraftsWritten()
        let result = await withCheckedContinuation { continuation in
            answer.continuation.withLock { $0 = continuation }
            services.spool.writeDrafts(ticket: 0, to: answer)
        }
        if case .failure(let error) = result {
            Log.error("messages of deferred_spool are in memory only; they are tried again at the end of the stop", ["error": "\(error)"])
        }
    }

    /// Waits for what runs, and closes the parts.
    func endStop(deadline: Duration = .seconds(8)) async {
        let end = Clock.monotonic() + deadline.wholeNanoseconds
        while isBusy, !services.state.isHurried, Clock.monotonic() < end { try? await Task.sleep(for: .milliseconds(20)) }
        for path in services.paths.all { services.post(path, .releaseLimits) }
        // Outcomes that are on their way between loops still have to reach the spool.
        for _ in 0..<2 { for shard in services.shards.all { try? await shard.loop.submit {}.get() } }
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let thread = NIOThreadPool(numberOfThreads: 1)
            thread.start()
            thread.submit { [services] _ in
                services.spool.close()
                services.journal?.close()
                services.logs.close()
                done.resume()
            }
        }
        await cluster?.stop()
        try? await http.shutdown()
        try? await group.shutdownGracefully()
    }

    /// Deliveries under way, or messages that clients are sending.
    private var isBusy: Bool {
        services.metrics.openConnections > 0 || listeners.contains { $0.gate.sessions > 0 }
    }
}

/// *Shared*: hears that the spool has written its drafts.
private final class DraftsWritten: SpoolMailbox {
    let continuation = Mutex<CheckedContinuation<Result<[SpoolHandle], SpoolError>, Never>?>(nil)

    func deliver(_ completions: [SpoolCompletion]) {
        guard let result = completions.first?.result else { return }
        continuation.withLock { $0.take() }?.resume(returning: result)
    }
}
