import Delivery
import Glibc
import NIOCore
import NIOPosix
import Policy
import Resources
import Shaping
import Synchronization
import Telemetry

/// A reload: the policy is read again and tried apart from the one in force; only when all of it is good it takes its place on every loop.
///
/// *Diagnostics*: a policy that is not good is logged with file and line, and the former one stays in force. What cannot change while the
/// node runs (listeners, spools, logs, the store) is named, with the remedy.
extension Node {
    /// Closes the log segments and puts the policy file as it is now in force. From any task; one reload runs at a time, and one more when
    /// others were asked for meanwhile.
    package func reload() async {
        guard reloads.withLock({ $0.begin() }) else { return }
        repeat { await reloadOnce() } while reloads.withLock { $0.goesOn() }
    }

    private func reloadOnce() async {
        guard services.state.phase == .ready else { return Log.info("the policy is not reloaded: the node is not running") }
        services.logs.rotate()
        await Self.apart { [certificates] in for certificate in certificates { certificate.look() } }
        let began = Clock.monotonic()
        let file = options.policyFile
        let problems = await Self.apart { PolicyCheck.run(file: file, domain: "example.com", network: false) } ?? ["the node is stopping"]
        guard problems.isEmpty else { return refuse(problems) }
        let fresh: [LoadedPolicy]
        do { fresh = try await loadApart(file) } catch { return refuse(["\(error)"]) }
        warnOfRest(fresh)
        for (shard, policy) in zip(shards.all, fresh) { await policy.begin(on: shard) }
        for shard in shards.all { await shard.policyChanged() }
        Log.info("policy reloaded", ["file": file, "seconds": Double(Clock.monotonic() - began) / 1e9])
    }

    private func refuse(_ problems: [String]) {
        for problem in problems.prefix(10) {
            Log.error(
                "the policy was not reloaded, the former one stays in force: correct it and send SIGHUP again",
                ["file": options.policyFile, "error": problem])
        }
    }

    /// One engine per loop, read on a thread that no mail waits for; each then belongs to its loop.
    private func loadApart(_ file: String) async throws -> [LoadedPolicy] {
        let loops = services.shards.all.map(\.loop)
        let client = http
        let loaded = await Self.apart {
            Result {
                try loops.enumerated().map { index, loop in
                    try LoadedPolicy(file, loop: loop, client: client, role: index == 0 ? .primary : .replica)
                }
            }
        }
        guard let loaded else { throw NodeError("the node is stopping") }
        return try loaded.get()
    }

    /// Runs blocking work apart from the loops; nil when there is no thread for it.
    private static func apart<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        try? await NIOThreadPool.singleton.runIfActive(work)
    }

    /// Says what the policy now declares differently and the running node cannot change.
    private func warnOfRest(_ fresh: [LoadedPolicy]) {
        guard let now = fresh.first?.declarations else { return }
        var changed: [String] = []
        if now.listeners != declared.listeners { changed.append("start_esmtp_listener") }
        if now.httpListeners != declared.httpListeners { changed.append("start_http_listener") }
        if now.spools != declared.spools { changed.append("define_spool") }
        if now.logs != declared.logs { changed.append("configure_local_logs") }
        if now.redis != declared.redis { changed.append("configure_redis_throttles") }
        guard !changed.isEmpty else { return }
        Log.warn(
            "the policy declares something that a reload cannot change: restart the node to put it in force",
            ["changed": changed.joined(separator: ", ")])
    }
}

/// *State machine*: one reload at a time.
struct ReloadTurn: Sendable {
    private var isRunning = false
    private var wantsMore = false

    /// Whether the caller is to reload; otherwise the one that runs does it once more.
    mutating func begin() -> Bool {
        wantsMore = isRunning
        defer { isRunning = true }
        return !isRunning
    }

    /// A reload has ended: whether another was asked for meanwhile.
    mutating func goesOn() -> Bool {
        isRunning = wantsMore
        wantsMore = false
        return isRunning
    }
}
