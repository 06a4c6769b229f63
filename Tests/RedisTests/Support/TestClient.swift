import NIOCore
import NIOPosix
import RedisFixture
import TestSupport
import Testing

@testable import Redis

/// A client with an interface for tests: everything awaited.
struct TestClient {
    typealias Results = [Result<RedisValue, RedisFailure>]

    let client: RedisClient

    /// Starts a client, runs the body, closes the client.
    static func with<Result>(
        _ urls: [String], username: String? = nil, password: String? = nil, cluster: Bool = false,
        commandTimeout: Duration = .seconds(15), starts: Bool = true, _ body: (TestClient) async throws -> Result
    ) async throws -> Result {
        let configuration = try RedisConfiguration(
            urls: urls, username: username, password: password, cluster: cluster, commandTimeout: commandTimeout)
        let client = RedisClient(configuration, name: "test client", eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        if starts { client.start() }
        do {
            let result = try await body(TestClient(client: client))
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    /// One batch.
    func batch(
        _ commands: [RedisCommand], _ scripts: [ScriptCall] = [], timeout: Duration? = nil
    ) async throws -> (commands: Results, scripts: Results) {
        let promise = client.eventLoop.makePromise(of: (commands: Results, scripts: Results).self)
        let client = self.client
        client.eventLoop.execute {
            client.send(commands, scripts: scripts, timeout: timeout) { promise.succeed(($0, $1)) }
        }
        return try await promise.futureResult.get()
    }

    /// One command of texts.
    func command(_ parts: String..., key: Int? = 1, timeout: Duration? = nil) async throws -> Result<RedisValue, RedisFailure> {
        try await batch([RedisCommand(parts, key: key)], timeout: timeout).commands[0]
    }

    /// One script.
    func script(
        _ script: RedisScript, _ keys: [String] = [], _ arguments: [String] = [], runID: String? = nil, timeout: Duration? = nil
    ) async throws -> Result<RedisValue, RedisFailure> {
        try await batch([], [ScriptCall(script: script, keys: keys, arguments: arguments, runID: runID)], timeout: timeout).scripts[0]
    }

    /// The run id of a key's server.
    func runID(_ key: String = "k") async throws -> String? {
        let client = self.client
        return try await client.eventLoop.submit { client.runID(forKey: key) }.get()
    }

    /// Whether the host refuses.
    func isRefused() async throws -> Bool {
        let client = self.client
        return try await client.eventLoop.submit { client.isRefused }.get()
    }

    /// Waits until a PING is answered.
    func expectReady(within timeout: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await expectEventually("the client is ready", within: timeout, sourceLocation: sourceLocation) {
            try await command("PING", key: nil) == .success(.simple("PONG"))
        }
    }
}
