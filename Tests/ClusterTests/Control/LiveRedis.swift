import Glibc
import NIOCore
import NIOPosix
import Redis
import Synchronization

@testable import Cluster

/// A real redis-server on loopback and a free port, killed by its id at the end. *Shared.*
final class LiveRedis: Sendable {
    /// Why there is none.
    struct Failure: Error { let text: String }

    let port: Int
    let group: MultiThreadedEventLoopGroup
    private let scratch = ScratchDirectory()
    private let process = Mutex<pid_t>(0)

    init() async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let probe = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        port = probe.localAddress!.port!
        try await probe.close()
        try start()
    }

    /// Starts the process, with empty data.
    func start() throws {
        let arguments = [
            "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--dir", scratch.path, "--save", "", "--appendonly", "no",
            "--logfile",
            scratch.sub("log"),
        ]
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, "redis-server", nil, nil, &pointers, environ) == 0 else {
            throw Failure(text: "redis-server is not installed")
        }
        let started = child
        process.withLock { $0 = started }
    }

    /// Kills the process; its data are gone.
    func kill() {
        let child = process.withLock { process in
            defer { process = 0 }
            return process
        }
        guard child > 0 else { return }
        Glibc.kill(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) == -1, errno == EINTR {}
    }

    deinit {
        kill()
        group.shutdownGracefully { _ in }
    }

    /// A client that is connected.
    func client(_ name: String = "test") async throws -> RedisClient {
        let configuration = try RedisConfiguration(urls: ["redis://127.0.0.1:\(port)"], commandTimeout: .seconds(2))
        let client = RedisClient(configuration, name: name, eventLoop: group.next())
        client.start()
        guard await eventually({ await Self.isConnected(client) }) else { throw Failure(text: "redis-server does not answer") }
        return client
    }

    static func isConnected(_ client: RedisClient) async -> Bool {
        (try? await client.eventLoop.submit { client.runID(forKey: "x") != nil }.get()) == true
    }
}

/// True when `condition` becomes true in time: six times `limit`, for a machine whose cores are busy with something else.
func eventually(within limit: Duration = .seconds(8), _ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + limit * 6
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return await condition()
}

/// A bus that sends at once. *Shared.*
final class ClientBus: CommandBus {
    let client: RedisClient
    /// Nothing gets through.
    let isCut = Atomic<Bool>(false)

    init(_ client: RedisClient) { self.client = client }

    func submit(
        _ commands: [RedisCommand], scripts: [ScriptCall], urgent: Bool,
        reply: @escaping @Sendable ([Result<RedisValue, RedisFailure>], [Result<RedisValue, RedisFailure>]) -> Void
    ) {
        client.eventLoop.execute {
            guard !self.isCut.load(ordering: .relaxed) else {
                return reply(commands.map { _ in .failure(.disconnected) }, scripts.map { _ in .failure(.disconnected) })
            }
            self.client.send(commands, scripts: scripts, reply: reply)
        }
    }

    /// One script, awaited.
    func run(_ call: ScriptCall) async -> Result<RedisValue, RedisFailure> {
        await withCheckedContinuation { done in submit([], scripts: [call], urgent: true) { done.resume(returning: $1[0]) } }
    }

    /// One command, awaited.
    func run(_ parts: [String]) async -> Result<RedisValue, RedisFailure> {
        await withCheckedContinuation { done in
            submit([RedisCommand(parts, key: parts.count > 1 ? 1 : nil)], scripts: [], urgent: true) { results, _ in
                done.resume(returning: results[0])
            }
        }
    }
}
