/// *loop-confined* protocol: what the engine needs from its owner. All calls and completions happen on the owner's loop.
///
/// The engine keeps its host until `PolicyEngine.close()`.
package protocol PolicyHost: AnyObject {
    /// Runs `work` once, after at least `after`.
    func schedule(after: Duration, _ work: @escaping () -> Void)
    /// Sends the request and completes once; the host enforces `request.timeout`.
    func http(_ request: PolicyHTTPRequest, completion: @escaping (Result<PolicyHTTPResponse, PolicyError>) -> Void)
    /// A line from `kumo.log_*` or `print`.
    func log(level: PolicyLogLevel, text: String)
}

/// *value*: the level of a policy's log line.
package enum PolicyLogLevel: String, Sendable {
    case debug, info, warn, error
}

/// *value*: a request made by `http.get` or `http.post`.
package struct PolicyHTTPRequest: Sendable {
    package var method: String
    /// Starts with `http://` or `https://`; free of spaces and control characters.
    package var url: String
    /// Free of control characters.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    package var timeout: Duration
}

/// *value*: what came back.
package struct PolicyHTTPResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    /// Makes a response.
    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
