import CLuaShim
package import Options
import Shaping

/// *loop-confined*: one Lua state that runs one policy file. All calls and completions happen on its owner's loop.
///
/// A handler runs in a coroutine of a pool. `kumo.sleep`, `http.*`, `conn:query` and `throttle:sleep_if_throttled` suspend the coroutine,
/// never the loop; a handler that runs for more than a slice pauses, and goes on in a later turn of the loop. Each call has a budget of
/// running time, the state has a budget of memory, and handles to messages die when the handler that received them ends.
///
/// Diagnostics: whatever a policy does wrong ends in the completion as a `PolicyError` with `file:line`; nothing is retried, nothing traps.
/// A handler that used up its time or the memory ends with that error even if it catches errors.
package final class PolicyEngine {
    /// What the policy declared; empty in a replica.
    package internal(set) var declarations = PolicyDeclarations()

    /// A registered handler: its Lua reference, and `file:line` of its `kumo.on`.
    struct Handler {
        let reference: Int32
        let source: String
    }

    enum Phase {
        case loading, initializing, serving, closed
    }

    let limits: PolicyLimits
    let role: PolicyRole
    let times: RunningTimes
    var host: (any PolicyHost)?
    var state: OpaquePointer?
    var phase = Phase.loading
    var handlers = [[Handler]](repeating: [], count: PolicyEvent.allCases.count)
    var objects = ObjectTable()
    /// `file:line` of `kumo.configure_redis_throttles`.
    var redisSource: String?
    /// The connections that `redis.open` gave, by what they were opened with.
    var redisConnections: [RedisServerConfig: UInt64] = [:]
    var suspended: [UInt64: PolicyRun] = [:]
    var nextToken: UInt64 = 0
    /// Set by a native function that is about to suspend: the token its completion will name.
    var awaitToken: UInt64 = 0
    /// Lua is on the stack; calls and completions that arrive now wait in `deferred`.
    var isRunning = false
    /// Handlers that ran for a slice, and whether the next turn is theirs.
    var paused = PausedRuns()
    /// `deferred` is being worked off; what is added meanwhile comes after it, in the same loop.
    var isDraining = false
    var deferred: [() -> Void] = []

    /// Runs the file, then (as primary) `pre_init` and `init`. The policy can not wait (`kumo.sleep`, `http.*`) while it does.
    package init(file: String, host: any PolicyHost, role: PolicyRole, limits: PolicyLimits = PolicyLimits()) throws(PolicyError) {
        self.host = host
        self.role = role
        self.limits = limits
        times = RunningTimes(limits)
        let slash = file.lastIndex(of: "/")
        let directory = slash.map { String(file[..<$0]) } ?? "."
        let name = slash.map { String(file[file.index(after: $0)...]) } ?? file
        try open(directory: directory)
        do {
            try load(file: file, name: name)
            if role == .primary {
                phase = .initializing
                for event in [PolicyEvent.preInit, .`init`] { _ = try runNow(event) }
            }
            phase = .serving
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    /// Whether the policy has a handler; without one, `call` answers `.null` at once.
    package func handles(_ event: PolicyEvent) -> Bool { !handlers[event.index].isEmpty }

    /// `file:line` of the (first) registration, for messages about what a handler answered.
    package func source(of event: PolicyEvent) -> String? { handlers[event.index].first?.source }

    /// Handlers that wait now.
    package var suspendedCalls: Int { suspended.count }

    /// Handlers that ran for a slice and have not ended.
    package var pausedCalls: Int { paused.count }

    /// Bytes of the Lua heap.
    package var memory: Int { state.map { apus_memory($0, false) } ?? 0 }

    /// Bytes of the Lua heap after a full collection. Slow.
    package func collectGarbage() -> Int { state.map { apus_memory($0, true) } ?? 0 }

    /// Runs the handlers of `event`. Completes exactly once: before it returns, or later when a handler waits.
    package func call(_ event: PolicyEvent, _ arguments: [PolicyValue], completion: @escaping (Result<ConfigValue, PolicyError>) -> Void) {
        guard phase != .closed else { return completion(.failure(.failed(message: "the policy is closed"))) }
        guard handles(event) else { return completion(.success(.null)) }
        let run = PolicyRun(event: event, arguments: arguments, completion: completion)
        guard !isRunning else { return deferred.append { self.begin(run) } }
        begin(run)
    }

    /// Ends the state. Handlers that wait complete with an error. Later calls complete with an error.
    package func close() {
        guard phase != .closed else { return }
        phase = .closed
        let waiting = Array(suspended.values) + paused.removeAll()
        suspended = [:]
        for run in waiting { run.completion(.failure(.failed(message: "the policy was closed while \(run.event.rawValue) waited"))) }
        let closing = state
        state = nil
        host = nil
        // Inside a native function the C frames below still need the state.
        if isRunning { deferred.append { apus_close(closing) } } else { apus_close(closing) }
    }
}
