import CLuaShim
import Options
import Shaping

/// *value*: what a throttle of Lua says; read again at each use, because a policy may have changed the table.
private struct Throttle {
    let name: String
    let spec: ThrottleSpec
}

extension PolicyEngine {
    private static let throttleMaker = "kumo.make_throttle"

    /// `kumo.make_throttle(name, spec)`.
    func makeThrottle(_ arguments: inout NativeArguments, _ writer: ValueWriter) throws(NativeFailure) {
        let name = try arguments.string(Self.throttleMaker, "the name")
        let spec = try arguments.string(Self.throttleMaker, "the rate")
        let throttle = try Self.throttle(name, spec, Self.throttleMaker)
        writer.throttle(name: throttle.name, spec: throttle.spec.text)
    }

    /// `throttle:throttle(quantity)`. Where the nodes of a cluster share the rate, the handler waits a moment for their store.
    func takeThrottle(_ arguments: inout NativeArguments, _ writer: ValueWriter) throws(NativeFailure) -> Int32 {
        let function = "throttle:throttle"
        let throttle = try Self.throttle(&arguments, function)
        let quantity: Int
        switch try arguments.value(function) {
        case .null: quantity = 1
        case let value:
            guard let number = value.integerValue, (1...Int64(throttle.spec.limit)).contains(number) else {
                throw .error("\(function): the quantity must be a whole number from 1 to the limit (\(throttle.spec.limit))")
            }
            quantity = Int(number)
        }
        let result = try take(throttle, quantity, function)
        guard result.isThrottled, result.isUndecided, arguments.call.yieldable else {
            Self.write(result, writer)
            return 1
        }
        let token = try prepareAwait(function, arguments)
        waitForDecision(throttle, quantity, token, triesLeft: 30)
        return APUS_NATIVE_YIELD
    }

    private static func write(_ result: PolicyThrottleResult, _ writer: ValueWriter) {
        writer.table(count: result.retryAfter == nil ? 4 : 5)
        writer.key("throttled")
        writer.bool(result.isThrottled)
        writer.key("limit")
        writer.integer(Int64(result.limit))
        writer.key("remaining")
        writer.integer(Int64(result.remaining))
        writer.key("reset_after")
        writer.number(seconds(result.resetAfter))
        if let retryAfter = result.retryAfter {
            writer.key("retry_after")
            writer.number(seconds(retryAfter))
        }
    }

    /// Asks again until it is decided; a store that does not answer is a no after a third of a second.
    private func waitForDecision(_ throttle: Throttle, _ quantity: Int, _ token: UInt64, triesLeft: Int) {
        host?.schedule(after: .milliseconds(11)) { [weak self] in self?.decide(throttle, quantity, token, triesLeft: triesLeft) }
    }

    private func decide(_ throttle: Throttle, _ quantity: Int, _ token: UInt64, triesLeft: Int) {
        guard !isRunning else {
            return deferred.append { [weak self] in self?.decide(throttle, quantity, token, triesLeft: triesLeft) }
        }
        guard suspended[token] != nil, let host else { return }
        do throws(PolicyError) {
            let result = try host.throttle(name: throttle.name, spec: throttle.spec, quantity: quantity)
            if result.isThrottled, result.isUndecided, triesLeft > 0 {
                return waitForDecision(throttle, quantity, token, triesLeft: triesLeft - 1)
            }
            resume(token, .success { Self.write(result, $0) })
        } catch {
            resume(token, .failure(.failed(message: "throttle:throttle: \(error.description)")))
        }
    }

    /// `throttle:sleep_if_throttled()`: false when admitted at once, true when admitted after a wait.
    func sleepIfThrottled(_ arguments: inout NativeArguments, _ writer: ValueWriter) throws(NativeFailure) -> Int32 {
        let function = "throttle:sleep_if_throttled"
        let throttle = try Self.throttle(&arguments, function)
        let result = try take(throttle, 1, function)
        guard result.isThrottled else {
            writer.bool(false)
            return 1
        }
        let token = try prepareAwait(function, arguments)
        wait(throttle, token, result.retryAfter)
        return APUS_NATIVE_YIELD
    }

    /// `throttle:explain()`.
    func explainThrottle(_ arguments: inout NativeArguments) throws(NativeFailure) -> String {
        let throttle = try Self.throttle(&arguments, "throttle:explain")
        let (spec, rule) = (throttle.spec, RateRule(throttle.spec))
        let period = DurationText.text(.nanoseconds(spec.periodNanoseconds))
        let pace =
            rule.isLogged && rule.burst == rule.limit
            ? "\(rule.burst) at once"
            : "\(rule.burst) at once after a pause, then one every \(DurationText.text(.nanoseconds(rule.interval)))"
        let whose = spec.isLocal ? "counted on this node alone" : "shared by all nodes"
        let loss = spec.onStoreLoss.map { "; without the store: \($0.text)" } ?? ""
        return "'\(throttle.name)' \(spec.text): at most \(spec.limit) in any \(period); \(pace); \(whose)\(loss)"
    }

    private func wait(_ throttle: Throttle, _ token: UInt64, _ delay: Duration?) {
        // Neither a busy loop nor a sleep through a limit that was raised.
        let delay = min(max(delay ?? .seconds(1), .milliseconds(1)), .seconds(60))
        host?.schedule(after: delay) { [weak self] in self?.tryAgain(throttle, token) }
    }

    private func tryAgain(_ throttle: Throttle, _ token: UInt64) {
        guard !isRunning else { return deferred.append { [weak self] in self?.tryAgain(throttle, token) } }
        // Taken only for a handler that is still there.
        guard suspended[token] != nil, let host else { return }
        do throws(PolicyError) {
            let result = try host.throttle(name: throttle.name, spec: throttle.spec, quantity: 1)
            if result.isThrottled { wait(throttle, token, result.retryAfter) } else { resume(token, .success { $0.bool(true) }) }
        } catch {
            resume(token, .failure(.failed(message: "throttle:sleep_if_throttled: \(error.description)")))
        }
    }

    private func take(_ throttle: Throttle, _ quantity: Int, _ function: String) throws(NativeFailure) -> PolicyThrottleResult {
        guard phase == .serving, let host else { throw .error("\(function) can not be used while the policy loads") }
        do throws(PolicyError) { return try host.throttle(name: throttle.name, spec: throttle.spec, quantity: quantity) } catch {
            throw .error("\(function): \(error.description)")
        }
    }

    private static func throttle(_ arguments: inout NativeArguments, _ function: String) throws(NativeFailure) -> Throttle {
        guard case .value(.table(let table)) = arguments.next(), case .string(let name)? = table["name"],
            case .string(let spec)? = table["spec"]
        else { throw .error("\(function): call it on a throttle of \(throttleMaker), with a colon") }
        return try throttle(name, spec, function)
    }

    private static func throttle(_ name: String, _ spec: String, _ function: String) throws(NativeFailure) -> Throttle {
        guard (1...255).contains(name.utf8.count), isClean(name) else {
            throw .error("\(function): the name must be a text of 1 to 255 bytes without control characters")
        }
        do throws(ConfigError) { return Throttle(name: name, spec: try ThrottleSpec(parsing: spec)) } catch {
            throw .error("\(function): \(error.message)")
        }
    }

    private static func seconds(_ duration: Duration) -> Double { Double(DurationText.nanoseconds(duration)) / 1_000_000_000 }
}
