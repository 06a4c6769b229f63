import CLuaShim
import Message
import Options
import Shaping

extension PolicyEngine {
    /// Starts the current handler of the run.
    func begin(_ run: consuming PolicyRun) {
        guard let state, run.handler < handlers[run.event.index].count else { return fail(run, .failed(message: "the policy is closed")) }
        let input = apus_input(state)!
        apus_buffer_reset(input)
        let writer = ValueWriter(buffer: input)
        for argument in run.arguments {
            switch argument {
            case .null: writer.null()
            case .string(let text): writer.string(text)
            case .integer(let value): writer.integer(Int64(value))
            case .config(let value): writer.config(value)
            case .address(let address): writer.string(address.text)
            case .message(let message):
                let handle = objects.insert(.message(message))
                run.handles.append(handle)
                writer.message(handle)
            case .connection(let connection):
                let handle = objects.insert(.connection(connection))
                run.handles.append(handle)
                writer.connection(handle)
            }
        }
        isRunning = true
        let outcome = apus_start(
            state, handlers[run.event.index][run.handler].reference, Int32(run.arguments.count), times.entry(phase, spent: 0), &run.slot)
        run.spent = apus_spent_ns(state)
        isRunning = false
        proceed(run, outcome)
        drain()
    }

    /// A native function's operation finished: continues the coroutine, unless it is gone.
    func resume(_ token: UInt64, _ result: Result<(ValueWriter) -> Void, PolicyError>) {
        guard !isRunning else { return deferred.append { [weak self] in self?.resume(token, result) } }
        guard let state, var run = suspended.removeValue(forKey: token) else { return }
        let input = apus_input(state)!
        apus_buffer_reset(input)
        let writer = ValueWriter(buffer: input)
        switch result {
        case .success(let write):
            writer.bool(true)
            write(writer)
        case .failure(let error):
            writer.bool(false)
            writer.string(error.description)
        }
        isRunning = true
        let outcome = apus_resume(state, run.slot, times.entry(phase, spent: run.spent))
        run.spent += apus_spent_ns(state)
        isRunning = false
        proceed(run, outcome)
        drain()
    }

    /// What arrived while Lua was on the stack, in order. A loop, never a call within a call: a host that answers at once defers the next step of the
    /// same coroutine again and again, and a policy that asks ten thousand times must not need ten thousand frames.
    func drain() {
        guard !isRunning, !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        while !deferred.isEmpty {
            let work = deferred
            deferred = []
            for item in work { item() }
        }
    }

    /// What comes after an entry into Lua: waiting, pausing, the next handler or the answer.
    func proceed(_ run: consuming PolicyRun, _ outcome: Int32) {
        if outcome == APUS_SUSPENDED || outcome == APUS_PAUSED {
            guard phase != .closed else { return fail(run, .failed(message: "the policy was closed while \(run.event.rawValue) ran")) }
            if outcome == APUS_SUSPENDED { suspended[awaitToken] = run } else { pause(run) }
            return
        }
        for handle in run.handles { objects.remove(handle) }
        run.handles.removeAll(keepingCapacity: true)
        guard let state else { return fail(run, .failed(message: "the policy was closed while \(run.event.rawValue) ran")) }
        guard outcome == APUS_DONE else { return fail(run, error(outcome, state, event: run.event, handler: run.handler)) }
        var reader = ValueReader(apus_output(state))
        let answer: ConfigValue
        switch reader.argument() {
        case .value(let value): answer = value
        case .kind(let kind, let table):
            if let expected = run.event.answer, expected != kind {
                let source = handlers[run.event.index][run.handler].source
                return fail(
                    run, .failed(message: "\(source): \(run.event.rawValue) must return a \(expected.rawValue), not a \(kind.rawValue)"))
            }
            answer = .table(table)
        case .message, .connection, .function: answer = .null
        }
        let runsAll = run.event == .preInit || run.event == .validateConfig
        if runsAll || answer == .null, run.handler + 1 < handlers[run.event.index].count {
            run.handler += 1
            return begin(run)
        }
        run.completion(.success(answer))
    }

    private func fail(_ run: consuming PolicyRun, _ error: PolicyError) { run.completion(.failure(error)) }

    /// The error behind an outcome; its text is in the output buffer.
    func error(_ outcome: Int32, _ state: OpaquePointer, event: PolicyEvent? = nil, handler: Int = 0) -> PolicyError {
        var reader = ValueReader(apus_output(state))
        switch outcome {
        case APUS_OUT_OF_MEMORY: return .outOfMemory
        case APUS_TIMED_OUT:
            guard case .string(let at) = reader.value() else { return .timedOut(at: "?") }
            return .timedOut(at: at)
        case APUS_REJECTED:
            guard case .table(let table) = reader.value() else { return .failed(message: "a rejection without code") }
            return Rejection(table).error
        default:
            guard case .string(var message) = reader.value() else { return .failed(message: "unknown error") }
            if let event, case let source = handlers[event.index][handler].source, !message.contains(".lua:"), !source.isEmpty {
                message = "\(source): \(event.rawValue): \(message)"
            }
            guard case .string(let traceback) = reader.value() else { return .failed(message: message) }
            let lines = traceback.split(separator: "\n")
            let short = lines.prefix(12).joined(separator: "\n") + (lines.count > 12 ? "\n\t..." : "")
            return .failed(message: String(message.prefix(4096)), traceback: short)
        }
    }

    /// Runs an event that must finish at once.
    func runNow(_ event: PolicyEvent) throws(PolicyError) -> ConfigValue {
        var outcome: Result<ConfigValue, PolicyError>?
        call(event, []) { outcome = $0 }
        guard let outcome else { throw .failed(message: "\(event.rawValue) can not wait") }
        return try outcome.get()
    }
}
