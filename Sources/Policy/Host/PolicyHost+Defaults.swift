package import Shaping

extension PolicyHost {
    /// By a timer, and not at the end of the loop's tasks: those run before the loop looks at its sockets again.
    package func pause(_ work: @escaping () -> Void) { schedule(after: .microseconds(250), work) }

    /// Fails: this host has no network.
    package func redis(_ request: PolicyRedisRequest, completion: @escaping (Result<PolicyRedisReply, PolicyError>) -> Void) {
        completion(.failure(.failed(message: "Redis is not available here")))
    }

    /// Fails: this host counts nothing.
    package func throttle(name: String, spec: ThrottleSpec, quantity: Int) throws(PolicyError) -> PolicyThrottleResult {
        throw .failed(message: "throttles are not available here")
    }

    /// Fails: this host has no queues.
    package func admin(_ request: PolicyAdminRequest) -> Result<String, PolicyError> {
        .failure(.failed(message: "queues can not be changed from here"))
    }
}
