package import Shaping

/// *loop-confined* protocol: what the engine needs from its owner. All calls and completions happen on the owner's loop.
///
/// The engine keeps its host until `PolicyEngine.close()`.
package protocol PolicyHost: AnyObject {
    /// Runs `work` once, after at least `after`.
    func schedule(after: Duration, _ work: @escaping () -> Void)
    /// Runs `work` once, after the loop has done what else there is: a handler that runs for long goes on then.
    func pause(_ work: @escaping () -> Void)
    /// Sends the request and completes once; the host enforces `request.timeout`.
    func http(_ request: PolicyHTTPRequest, completion: @escaping (Result<PolicyHTTPResponse, PolicyError>) -> Void)
    /// Sends one command to Redis and completes once; the host keeps the clients, and enforces `request.timeout`.
    func redis(_ request: PolicyRedisRequest, completion: @escaping (Result<PolicyRedisReply, PolicyError>) -> Void)
    /// Takes `quantity` of a rate if all of it may be taken now, and nothing otherwise.
    func throttle(name: String, spec: ThrottleSpec, quantity: Int) throws(PolicyError) -> PolicyThrottleResult
    /// Does what `kumo.api.admin.*` orders; answers the identifier of the order.
    func admin(_ request: PolicyAdminRequest) -> Result<String, PolicyError>
    /// A line from `kumo.log_*` or `print`.
    func log(level: PolicyLogLevel, text: String)
}

/// *value*: the level of a policy's log line.
package enum PolicyLogLevel: String, Sendable {
    case debug, info, warn, error
}

/// *value*: a request made by `http.get` or `http.post`.
package struct PolicyHTTPRequest: Sendable {
    /// `GET` or `POST`.
    package var method: String
    /// Starts with `http://` or `https://`; free of spaces and control characters.
    package var url: String
    /// Free of control characters.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// How long the answer may take.
    package var timeout: Duration
}

/// *value*: what came back.
package struct PolicyHTTPResponse: Sendable {
    /// The status code.
    package var status: Int
    /// The header fields, in order.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    /// Makes a response.
    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
