/// *value*: why a policy did not answer with a value.
package enum PolicyError: Error, Sendable, Equatable {
    /// `kumo.reject(code, text)`. The text has no control characters.
    case rejected(code: Int, text: String)
    /// `kumo.disconnect(code, text, mode)`.
    case disconnected(code: Int, text: String, mode: PolicyDisconnectMode)
    /// A Lua error, `file:line: text`, with a short traceback (may be empty).
    case failed(message: String, traceback: String = "")
    /// More running time than `PolicyLimits.runningTime`, or than `holdTime` where it could not pause; `at` is `file:line`.
    case timedOut(at: String)
    /// The Lua state reached `PolicyLimits.memory`.
    case outOfMemory
}

/// *value*: how `kumo.disconnect` ends the connection.
package enum PolicyDisconnectMode: String, Sendable, CaseIterable {
    case forceDisconnect = "ForceDisconnect"
    case followWith421 = "FollowWith421"
    case if421 = "If421"
}

extension PolicyError: CustomStringConvertible {
    /// One line, without the traceback.
    package var description: String {
        switch self {
        case .rejected(let code, let text): "rejected by the policy: \(code) \(text)"
        case .disconnected(let code, let text, _): "disconnected by the policy: \(code) \(text)"
        case .failed(let message, _): message
        case .timedOut(let at): "\(at): the handler ran longer than it may, in all or in a callback that can not pause; split the work"
        case .outOfMemory: "the policy used more memory than it may, in all or for one string; keep less in globals, and split large texts"
        }
    }
}
