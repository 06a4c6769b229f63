import CLuaShim
import Options
import Shaping

extension PolicyEngine {
    /// `kumo.on(event, fn)`.
    func on(_ arguments: inout NativeArguments) throws(NativeFailure) {
        let name = try arguments.string("kumo.on", "the event")
        guard phase == .loading else { throw .error("kumo.on: handlers are registered while the policy file loads, not inside a handler") }
        guard case .function(let reference) = arguments.next() else { throw .error("kumo.on: the second argument must be a function") }
        guard let event = PolicyEvent(rawValue: name) else {
            if KnownNames.unsupportedEvents.contains(name) || name.hasPrefix("log_disposition_") {
                throw .error("kumo.on: the event '\(name)' is not supported yet by this version")
            }
            let known = PolicyEvent.allCases.map(\.rawValue) + KnownNames.unsupportedEvents.sorted()
            throw .error("kumo.on: there is no event '\(name)'" + NearestName.hint(name, in: known))
        }
        if let first = handlers[event.index].first, !event.allowsSeveral {
            throw .error("kumo.on: '\(name)' already has a handler, registered at \(first.source)")
        }
        handlers[event.index].append(Handler(reference: reference, source: arguments.position))
    }

    /// `kumo.start_esmtp_listener` and its kin: checked now, used by the node when the policy has loaded.
    func declare(_ function: NativeFunction, _ arguments: inout NativeArguments) throws(NativeFailure) {
        let name = function.paths[0]
        guard phase == .loading || phase == .initializing else {
            throw .error("\(name) can be called at the top level of the policy file or in 'init', not in another handler")
        }
        let table = try arguments.table(name)
        if function == .configureRedisThrottles, let redisSource {
            throw .error("\(name) was already called at \(redisSource); a node shares its limits in one store")
        }
        do throws(ConfigError) {
            switch function {
            case .startESMTPListener:
                let config = try ESMTPListenerConfig(table)
                if role == .primary { declarations.listeners.append(config) }
            case .startHTTPListener:
                let config = try HTTPListenerConfig(table)
                if role == .primary { declarations.httpListeners.append(config) }
            case .defineSpool:
                let config = try SpoolConfig(table)
                if role == .primary { declarations.spools.append(config) }
            case .configureRedisThrottles:
                let config = try RedisThrottleConfig(table)
                redisSource = arguments.position
                if role == .primary { declarations.redis = config }
            default:
                let config = try LocalLogsConfig(table)
                if role == .primary { declarations.logs.append(config) }
            }
        } catch {
            throw .error("\(name): \(error.message)")
        }
    }

    /// `kumo.dns.set_mx_negative_cache_ttl(duration)`: one second to one day.
    func setNegativeTTL(_ arguments: inout NativeArguments) throws(NativeFailure) {
        let name = NativeFunction.setNegativeTTL.paths[0]
        guard phase == .loading || phase == .initializing else {
            throw .error("\(name) can be called at the top level of the policy file or in 'init', not in another handler")
        }
        let value = try arguments.value(name)
        let duration: Duration
        do throws(ConfigError) { duration = try DurationText.parse(value, option: "duration") } catch {
            throw .error("\(name): \(error.message)")
        }
        guard duration >= .seconds(1), duration <= .seconds(86_400) else {
            throw .error("\(name): the time must be from 1 second to 1 day, such as '5m'")
        }
        if role == .primary { declarations.negativeTTL = duration }
    }

    /// `kumo.make_*`: checked at once, so that the error names the line.
    func make(_ kind: ConfigKind, _ function: NativeFunction, _ arguments: inout NativeArguments, _ writer: ValueWriter)
        throws(NativeFailure)
    {
        let table = try arguments.table(function.paths[0])
        do throws(ConfigError) { try kind.validate(table) } catch { throw .error("\(function.paths[0]): \(error.message)") }
        writer.kind(kind)
        writer.config(.table(table))
    }

    private static let maximumLogBytes = 16 << 10

    /// `kumo.log_*`: the arguments joined by spaces.
    func log(_ function: NativeFunction, _ arguments: inout NativeArguments) {
        var parts: [String] = []
        for _ in 0..<arguments.call.arguments {
            switch arguments.next() {
            case .value(.string(let text)): parts.append(text)
            case .value(let value): parts.append(Self.shown(value))
            case .kind(_, let table): parts.append(Self.shown(.table(table)))
            case .message, .connection, .function: break
            }
        }
        let level: PolicyLogLevel =
            switch function {
            case .logDebug: .debug
            case .logWarn: .warn
            case .logError: .error
            default: .info
            }
        var text = parts.joined(separator: " ")
        // The log is written on the loop.
        if text.utf8.count > Self.maximumLogBytes { text = String(decoding: text.utf8.prefix(Self.maximumLogBytes), as: UTF8.self) + "…" }
        host?.log(level: level, text: text)
    }

    private static func shown(_ value: ConfigValue) -> String {
        guard let bytes = try? value.json() else { return "(a value JSON can not show)" }
        return String(decoding: bytes, as: UTF8.self)
    }
}
