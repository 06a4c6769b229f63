import Policy
import Telemetry

/// *Value*: `apus check`: every problem of a policy as a line for people.
package enum PolicyCheck {
    /// Loads and validates `file`; empty when it is usable.
    /// - Parameter network: whether a handler that needs the network is a problem; a check has none.
    package static func run(file: String, domain: String, network: Bool = true) -> [String] {
        PolicyEngine.check(file: file, domain: domain) { level, text in
            if level == .error || level == .warn { Log.warn(text) }
        }.filter { network || !$0.message.contains(PolicyEngine.checkHasNoNetwork) }.map {
            $0.traceback.isEmpty ? $0.message : $0.message + "\n" + $0.traceback
        }
    }
}
