import AsyncHTTPClient
import Cluster
import Delivery
import Intake
import NIOCore
import NIOPosix
import Platform
import Resources
import Spool
import Synchronization
import Telemetry

/// The stages of a stop: what was acknowledged goes to disk, then nothing new comes in and what runs ends, then the parts are closed. `serve` runs
/// them as services of a group; each stage begins when the one before has ended.
extension Node {
    /// How long deliveries and sessions that are under way may take.
    static let drainLimit = Duration.seconds(8)

    /// Stops taking mail, lets transactions in flight finish, and makes the queue safe on disk.
    package func stop() async {
        await announceStop()
        await drain()
        await close()
    }

    /// What is running is not waited for any more. From any thread.
    package func hurry() { services.state.isHurried = true }

    /// First stage: what is in memory only is written, and others hear that the node goes.
    func announceStop() async {
        services.state.phase = .stopping
        await writeDrafts()
        cluster?.membership.update { $0.state = "draining" }
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

    /// Second stage: no new mail comes in; what is being sent or received ends, at most until the limit, or until somebody is in a hurry.
    func drain(within limit: Duration = drainLimit) async {
        for listener in listeners { await listener.stop() }
        for path in services.paths.all { services.post(path, .stop) }
        let state = services.state
        let end = MonotonicInstant.now() + limit
        let alarm = Task {
            try? await Task.sleep(for: limit)
            state.departures.ring()
        }
        state.departures.ring()
        for await _ in state.departures.rings where !isBusy || state.isHurried || MonotonicInstant.now() >= end { break }
        alarm.cancel()
        for path in services.paths.all { services.post(path, .releaseLimits) }
        // Paths give what they still have back to the queues of other loops, and those tell the spool: two steps.
        await catchUp()
        await catchUp()
    }

    /// Returns when every shard has done what it was asked to do.
    private func catchUp() async { for shard in shards.all { await shard.catchUp() } }

    /// Third stage: the parts are closed.
    func close() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let thread = NIOThreadPool(numberOfThreads: 1)
            thread.start()
            thread.submit { [services, files] _ in
                files.close()
                services.control.close()
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
