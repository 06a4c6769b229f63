import CLuaShim
import Options
import Shaping

extension PolicyEngine {
    /// `redis.open{…}`: checked now, opened by the first query. The same options answer the same connection.
    func openRedis(_ arguments: inout NativeArguments, _ writer: ValueWriter) throws(NativeFailure) {
        let name = "redis.open"
        let server: RedisServerConfig
        guard case .table(let table) = try arguments.value(name) else {
            throw .error("\(name): a table of options is required, as in redis.open{node = 'redis://127.0.0.1:6379'}")
        }
        do throws(ConfigError) { server = try RedisServerConfig(table) } catch { throw .error("\(name): \(error.message)") }
        if let handle = redisConnections[server] { return writer.connection(handle) }
        guard redisConnections.count < limits.redisConnections else {
            throw .error("\(name): too many different connections (limit \(limits.redisConnections))")
        }
        let handle = objects.insert(.redis(server))
        redisConnections[server] = handle
        writer.connection(handle)
    }

    /// `conn:query(command, …)`: suspends the handler until Redis has answered.
    func queryRedis(_ arguments: inout NativeArguments) throws(NativeFailure) -> Int32 {
        let name = "conn:query"
        guard case .connection(let handle) = arguments.next(), case .redis(let server)? = objects[handle] else {
            throw .error("\(name): call it on a connection of redis.open, with a colon")
        }
        let parts = try commandParts(&arguments, name)
        if let problem = RedisCommandRule.problem(parts) { throw .error("\(name): \(problem)") }
        let request = PolicyRedisRequest(
            server: server, parts: parts, keyIndex: RedisCommandRule.keyIndex(parts),
            timeout: server.responseTimeout ?? limits.redisTimeout)
        let token = try prepareAwait(name, arguments)
        host?.redis(request) { [weak self] in self?.replied(token, name, $0) }
        // The host enforces the timeout; this is the net below it, so that no handler waits for ever.
        host?.schedule(after: request.timeout + .seconds(5)) { [weak self] in
            self?.resume(token, .failure(.failed(message: "\(name): no answer")))
        }
        return APUS_NATIVE_YIELD
    }

    private func commandParts(_ arguments: inout NativeArguments, _ name: String) throws(NativeFailure) -> [[UInt8]] {
        let count = arguments.call.arguments - 1
        guard count >= 1 else { throw .error("\(name): a command is required, as in conn:query('GET', 'key')") }
        guard count <= limits.redisParts else { throw .error("\(name): at most \(limits.redisParts) arguments; got \(count)") }
        var parts: [[UInt8]] = []
        var total = 0
        for number in 1...count {
            switch arguments.reader.part() {
            case .other(let kind): throw .error("\(name): argument \(number) must be a string or a number, not \(kind)")
            case .bytes(let bytes):
                total += bytes.count
                guard total <= limits.redisCommandBytes else {
                    throw .error("\(name): the command is larger than \(limits.redisCommandBytes) bytes")
                }
                parts.append(bytes)
            }
        }
        return parts
    }

    private func replied(_ token: UInt64, _ name: String, _ result: Result<PolicyRedisReply, PolicyError>) {
        switch result {
        case .failure(let error): resume(token, .failure(.failed(message: "\(name): \(error.description)")))
        case .success(.error(let text)):
            resume(token, .failure(.failed(message: "\(name): Redis answered: \(Rejection.clean(text))")))
        case .success(let reply):
            if let problem = reply.problem(bytes: limits.redisReplyBytes, nodes: limits.valueNodes, depth: limits.valueDepth) {
                return resume(token, .failure(.failed(message: "\(name): \(problem)")))
            }
            resume(token, .success { reply.write($0) })
        }
    }
}
