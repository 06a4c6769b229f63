import AsyncHTTPClient
import Control
import Delivery
import NIOCore
import NIOHTTP1
import Policy
import Resources
import Shaping
import Telemetry

/// *Loop-confined*: what the Lua state of a shard may ask of its loop: timers, HTTP, log lines.
final class ShardPolicyHost: PolicyHost {
    private let loop: any EventLoop
    private let client: HTTPClient
    private let redisClients: PolicyRedisClients
    private let throttles = PolicyThrottles()
    /// The node, once it is there: the policy's file runs before.
    weak var services: DeliveryServices?

    init(loop: any EventLoop, client: HTTPClient) {
        self.loop = loop
        self.client = client
        redisClients = PolicyRedisClients(loop: loop)
    }

    func redis(_ request: PolicyRedisRequest, completion: @escaping (Result<PolicyRedisReply, PolicyError>) -> Void) {
        redisClients.send(request, completion: completion)
    }

    func admin(_ request: PolicyAdminRequest) -> Result<String, PolicyError> {
        guard let services else { return .failure(.failed(message: "kumo.api.admin can be used by handlers, not while the policy loads")) }
        return PolicyAdmin.issue(request, services.control)
    }

    func throttle(name: String, spec: ThrottleSpec, quantity: Int) throws(PolicyError) -> PolicyThrottleResult {
        guard let services else { throw .failed(message: "throttles can be used by handlers, not while the policy loads") }
        return throttles.take(name, spec, quantity: quantity, roots: services.limits)
    }

    /// Responses above this size are refused: a policy must not fill the memory.
    private static let responseLimit = 16 << 20

    func schedule(after: Duration, _ work: @escaping () -> Void) {
        let box = NIOLoopBound(work, eventLoop: loop)
        loop.scheduleTask(in: .nanoseconds(after.wholeNanoseconds)) { box.value() }
    }

    func http(
        _ request: PolicyHTTPRequest, completion: @escaping (Result<PolicyHTTPResponse, PolicyError>) -> Void
    ) {
        let box = NIOLoopBound(completion, eventLoop: loop)
        let promise = loop.makePromise(of: PolicyHTTPResponse.self)
        promise.futureResult.whenComplete { result in
            // On the loop, as a promise's callbacks are.
            box.value(result.mapError { .failed(message: "\(request.method) \(request.url): \($0)") })
        }
        let client = client
        promise.completeWithTask { try await Self.send(request, by: client) }
    }

    @concurrent private static func send(_ request: PolicyHTTPRequest, by client: HTTPClient) async throws -> PolicyHTTPResponse {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = .init(rawValue: request.method)
        for header in request.headers { outgoing.headers.add(name: header.name, value: header.value) }
        if !request.body.isEmpty { outgoing.body = .bytes(ByteBuffer(bytes: request.body)) }
        let response = try await client.execute(outgoing, timeout: .nanoseconds(request.timeout.wholeNanoseconds))
        let body = try await response.body.collect(upTo: responseLimit)
        return PolicyHTTPResponse(
            status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
            body: Array(body.readableBytesView))
    }

    func log(level: PolicyLogLevel, text: String) {
        switch level {
        case .debug: Log.debug(text)
        case .info: Log.info(text)
        case .warn: Log.warn(text)
        case .error: Log.error(text)
        }
    }
}
