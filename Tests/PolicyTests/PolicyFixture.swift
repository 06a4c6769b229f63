import Glibc
import Message
import Options
import Policy
import Shaping

/// *loop-confined*: a host whose clock and network are driven by the test.
final class TestHost: PolicyHost {
    var timers: [(after: Duration, work: () -> Void)] = []
    var requests: [(request: PolicyHTTPRequest, completion: (Result<PolicyHTTPResponse, PolicyError>) -> Void)] = []
    var lines: [String] = []
    var queries: [(request: PolicyRedisRequest, completion: (Result<PolicyRedisReply, PolicyError>) -> Void)] = []
    /// What Redis answers at once; nil leaves the query open.
    var reply: Result<PolicyRedisReply, PolicyError>?
    var takes: [String] = []
    /// What throttles answer; the last one for ever.
    var throttled: [PolicyThrottleResult] = []
    var orders: [PolicyAdminRequest] = []
    var orderAnswer: Result<String, PolicyError> = .success("00112233445566778899aabbccddeeff")
    /// Runs scheduled work at once, while Lua is still on the stack.
    var isImmediate = false

    /// Handlers that paused wait in `pauses`; without, they go on at once.
    var holdsPauses = false
    var pauses: [() -> Void] = []

    func pause(_ work: @escaping () -> Void) {
        if holdsPauses { pauses.append(work) } else { work() }
    }

    func schedule(after: Duration, _ work: @escaping () -> Void) {
        if isImmediate { work() } else { timers.append((after, work)) }
    }

    func http(_ request: PolicyHTTPRequest, completion: @escaping (Result<PolicyHTTPResponse, PolicyError>) -> Void) {
        requests.append((request, completion))
    }

    func redis(_ request: PolicyRedisRequest, completion: @escaping (Result<PolicyRedisReply, PolicyError>) -> Void) {
        queries.append((request, completion))
        if let reply { completion(reply) }
    }

    func throttle(name: String, spec: ThrottleSpec, quantity: Int) throws(PolicyError) -> PolicyThrottleResult {
        takes.append("\(quantity) of \(name) \(spec.text)")
        guard let result = throttled.count > 1 ? throttled.removeFirst() : throttled.first else {
            throw .failed(message: "the limiter is closed")
        }
        return result
    }

    func admin(_ request: PolicyAdminRequest) -> Result<String, PolicyError> {
        orders.append(request)
        return orderAnswer
    }

    func log(level: PolicyLogLevel, text: String) { lines.append("\(level.rawValue): \(text)") }

    func fire(_ index: Int) { timers.remove(at: index).work() }
}

/// *loop-confined*: a message with metadata in memory.
final class TestMessage: PolicyMessage {
    var id = "0123456789abcdef0123456789abcdef"
    var sender = EnvelopeAddress(localPart: "news", domain: "sender.example")
    var recipients = [EnvelopeAddress(localPart: "ann", domain: "example.com")]
    var metadata: [String: ConfigValue] = [:]
    var queueName = "c:t@example.com"
    var data = Array("Subject: hi\r\n\r\nbody\r\n".utf8)
    var numAttempts = 3
    /// Called by `meta`, to act while Lua is on the stack.
    var onMeta: () -> Void = {}

    func meta(_ key: String) -> ConfigValue {
        onMeta()
        return metadata[key] ?? .null
    }
    func setMeta(_ key: String, _ value: ConfigValue) {
        if value == .null { metadata.removeValue(forKey: key) } else { metadata[key] = value }
    }
    func firstHeader(_ name: String) -> String? { name == "Subject" ? "hi" : nil }
}

final class TestConnection: PolicyConnection {
    var metadata: [String: ConfigValue] = [:]
    func meta(_ key: String) -> ConfigValue { metadata[key] ?? .null }
    func setMeta(_ key: String, _ value: ConfigValue) { metadata[key] = value }
}

/// A temporary folder with files, removed at the end.
final class PolicyFolder {
    let path: String

    init(_ files: [String: String]) {
        var template = Array("/tmp/apus-policy-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template)!)
        for (name, text) in files { write(name, text) }
    }

    func write(_ name: String, _ text: String) {
        let file = fopen("\(path)/\(name)", "w")!
        fputs(text, file)
        fclose(file)
    }

    var policy: String { "\(path)/init.lua" }

    deinit { _ = system("rm -rf '\(path)'") }
}

/// Loads a policy given as text.
func load(
    _ text: String, host: TestHost = TestHost(), role: PolicyRole = .primary, limits: PolicyLimits = PolicyLimits(),
    files: [String: String] = [:]
) throws(PolicyError) -> PolicyEngine {
    let folder = PolicyFolder(files)
    folder.write("init.lua", text)
    return try PolicyEngine(file: folder.policy, host: host, role: role, limits: limits)
}

/// The message of the error that loading gives, or nil.
func loadFailure(_ text: String, role: PolicyRole = .primary, files: [String: String] = [:]) -> String? {
    do throws(PolicyError) {
        _ = try load(text, role: role, files: files)
        return nil
    } catch { return error.description }
}

extension PolicyEngine {
    /// A call that completes at once; nil while it waits.
    func now(_ event: PolicyEvent, _ arguments: [PolicyValue] = []) -> Result<ConfigValue, PolicyError>? {
        var outcome: Result<ConfigValue, PolicyError>?
        call(event, arguments) {
            precondition(outcome == nil, "completed twice")
            outcome = $0
        }
        return outcome
    }

    /// The answer of a handler of `http_message_generated`, whose body is the given Lua text with `msg` in scope.
    static func evaluate(
        _ body: String, message: TestMessage = TestMessage(), host: TestHost = TestHost(), limits: PolicyLimits = PolicyLimits()
    ) -> Result<ConfigValue, PolicyError>? {
        do throws(PolicyError) {
            return try handlerOf(body, host, limits).now(
                .httpMessageGenerated, [.message(message), .config(.table(["name": .string("key")]))])
        } catch { return .failure(error) }
    }

    private static func handlerOf(_ body: String, _ host: TestHost, _ limits: PolicyLimits) throws(PolicyError) -> PolicyEngine {
        try load("kumo.on('http_message_generated', function(msg, auth) \(body)\nend)", host: host, limits: limits)
    }
}

extension Result where Success == ConfigValue, Failure == PolicyError {
    var errorText: String? {
        if case .failure(let error) = self { error.description } else { nil }
    }
}
