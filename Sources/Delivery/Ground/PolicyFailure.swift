package import Options
package import Policy
import Shaping

/// *Value*: why a configuration event gave no usable answer; one line for the log and for `explain`.
package struct PolicyFailure: Error, Sendable {
    /// The event, and what was wrong with its answer.
    package let message: String
    /// - Parameter message: one line.
    package init(_ message: String) { self.message = message }
}

extension Optional where Wrapped == PolicyEngine {
    /// Calls one configuration event and validates the table it returns; `nil` when no handler answered.
    package func ask<Config>(
        _ event: PolicyEvent, _ arguments: [PolicyValue], what: String,
        parse: @escaping ([String: ConfigValue]) throws(ConfigError) -> Config,
        completion: @escaping (Result<Config?, PolicyFailure>) -> Void
    ) {
        guard let engine = self, engine.handles(event) else {
            completion(.success(nil))
            return
        }
        engine.call(event, arguments) { result in
            switch result {
            case .failure(let error): completion(.failure(PolicyFailure("\(what): \(error)")))
            case .success(.null): completion(.success(nil))
            case .success(.table(let table)):
                do throws(ConfigError) { completion(.success(try parse(table))) } catch {
                    completion(.failure(PolicyFailure("\(what): \(error.message)")))
                }
            case .success: completion(.failure(PolicyFailure("\(what) must return a table or nil")))
            }
        }
    }
}

extension PolicyValue {
    /// The text, or `nil` of Lua.
    package static func optional(_ text: String?) -> PolicyValue { text.map { .string($0) } ?? .null }
}
