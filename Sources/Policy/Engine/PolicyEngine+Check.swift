import Options
import Shaping

/// *value*: something `apus check` found.
package struct PolicyProblem: Sendable, Equatable {
    /// `file:line: text`, or only the text when no line is to blame.
    package let message: String
    /// Where in the policy it happened, a line per call.
    package let traceback: String
}

/// *loop-confined*: a host without network and clock, for checks.
private final class CheckHost: PolicyHost {
    let onLog: (PolicyLogLevel, String) -> Void
    init(onLog: @escaping (PolicyLogLevel, String) -> Void) { self.onLog = onLog }

    func schedule(after: Duration, _ work: @escaping () -> Void) { work() }
    func pause(_ work: @escaping () -> Void) { work() }
    func http(_ request: PolicyHTTPRequest, completion: @escaping (Result<PolicyHTTPResponse, PolicyError>) -> Void) {
        completion(.failure(.failed(message: PolicyEngine.checkHasNoNetwork)))
    }
    func redis(_ request: PolicyRedisRequest, completion: @escaping (Result<PolicyRedisReply, PolicyError>) -> Void) {
        completion(.failure(.failed(message: PolicyEngine.checkHasNoNetwork)))
    }
    func throttle(name: String, spec: ThrottleSpec, quantity: Int) -> PolicyThrottleResult {
        PolicyThrottleResult(isThrottled: false, limit: spec.limit, remaining: max(0, spec.limit - quantity), resetAfter: .zero)
    }
    func admin(_ request: PolicyAdminRequest) -> Result<String, PolicyError> { .success(String(repeating: "0", count: 32)) }
    func log(level: PolicyLogLevel, text: String) { onLog(level, text) }
}

extension PolicyEngine {
    /// What a handler that needs the network hears in a check.
    package static let checkHasNoNetwork = "a check does not use the network"

    /// Loads the policy, runs `init` and `validate_config`, and asks for the configuration of a sample domain. Empty when all is well.
    package static func check(
        file: String, domain: String = "example.com", limits: PolicyLimits = PolicyLimits(),
        log: @escaping (PolicyLogLevel, String) -> Void = { _, _ in }
    ) -> [PolicyProblem] {
        let engine: PolicyEngine
        do throws(PolicyError) { engine = try PolicyEngine(file: file, host: CheckHost(onLog: log), role: .primary, limits: limits) } catch
        {
            return [PolicyProblem(error)]
        }
        defer { engine.close() }
        var problems: [PolicyProblem] = []
        engine.ask(.validateConfig, [], &problems)
        let queue = engine.ask(.getQueueConfig, [.string(domain), .null, .null, .null], &problems)
        var pools = ["unspecified"]
        if case .string(let pool)? = queue?["egress_pool"] { pools = [pool] }
        var sources = ["unspecified"]
        for pool in pools where pool != "unspecified" {
            guard case .list(let entries)? = engine.ask(.getEgressPool, [.string(pool)], &problems)?["entries"] else { continue }
            sources = entries.compactMap { entry in
                guard case .table(let table) = entry, case .string(let name)? = table["name"] else { return nil }
                return name
            }
            for source in sources { engine.ask(.getEgressSource, [.string(source)], &problems) }
        }
        for source in sources { engine.ask(.getEgressPathConfig, [.string(domain), .string(source), .string("mx.\(domain)")], &problems) }
        return problems
    }

    @discardableResult
    private func ask(_ event: PolicyEvent, _ arguments: [PolicyValue], _ problems: inout [PolicyProblem]) -> [String: ConfigValue]? {
        guard handles(event) else { return nil }
        var outcome: Result<ConfigValue, PolicyError>?
        call(event, arguments) { outcome = $0 }
        let place = source(of: event) ?? ""
        switch outcome {
        case nil: problems.append(PolicyProblem(message: "\(place): \(event.rawValue) did not finish", traceback: ""))
        case .failure(let error)?: problems.append(PolicyProblem(error))
        case .success(.table(let table))?:
            guard let kind = event.answer else { return table }
            do throws(ConfigError) { try kind.validate(table) } catch {
                problems.append(PolicyProblem(message: "\(place): \(event.rawValue): \(error.message)", traceback: ""))
            }
            return table
        case .success(.null)?: break
        case .success?:
            if event.answer != nil {
                problems.append(PolicyProblem(message: "\(place): \(event.rawValue) must return a table or nil", traceback: ""))
            }
        }
        return nil
    }
}

extension PolicyProblem {
    fileprivate init(_ error: PolicyError) {
        message = error.description
        if case .failed(_, let traceback) = error { self.traceback = traceback } else { traceback = "" }
    }
}
