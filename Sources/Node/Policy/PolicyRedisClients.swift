import NIOCore
import Policy
import Redis
import Shaping

/// *Loop-confined*: the Redis clients of `redis.open`, one per set of options, shared by all handlers of a loop.
final class PolicyRedisClients {
    private let loop: any EventLoop
    private var clients: [RedisServerConfig: RedisClient] = [:]

    init(loop: any EventLoop) { self.loop = loop }

    func send(_ request: PolicyRedisRequest, completion: @escaping (Result<PolicyRedisReply, PolicyError>) -> Void) {
        let client: RedisClient
        switch self.client(request.server) {
        case .success(let found): client = found
        case .failure(let error): return completion(.failure(error))
        }
        let command = RedisCommand(bytes: request.parts, key: request.keyIndex)
        client.send([command], scripts: [], timeout: request.timeout) { results, _ in
            switch results.first {
            case .success(let value)?: completion(.success(PolicyRedisReply(value)))
            case .failure(.server(let text))?: completion(.success(.error(text)))
            case .failure(let failure)?: completion(.failure(.failed(message: "\(failure)")))
            case nil: completion(.failure(.failed(message: "Redis gave no answer")))
            }
        }
    }

    private func client(_ server: RedisServerConfig) -> Result<RedisClient, PolicyError> {
        if let known = clients[server] { return .success(known) }
        do throws(RedisError) {
            let configuration = try RedisConfiguration(
                urls: server.urls, username: server.username, password: server.password, cluster: server.isCluster,
                connectTimeout: server.connectTimeout ?? .seconds(5), commandTimeout: server.responseTimeout ?? .seconds(5))
            let client = RedisClient(configuration, name: "apus-policy", eventLoop: loop)
            client.start()
            clients[server] = client
            return .success(client)
        } catch {
            return .failure(.failed(message: "redis.open: \(error)"))
        }
    }
}

extension PolicyRedisReply {
    init(_ value: RedisValue) {
        switch value {
        case .null: self = .null
        case .integer(let number): self = .integer(number)
        case .bytes(let bytes): self = .bytes(bytes)
        case .simple(let text): self = .bytes(Array(text.utf8))
        case .error(let text): self = .error(text)
        case .array(let items): self = .list(items.map(PolicyRedisReply.init))
        }
    }
}
