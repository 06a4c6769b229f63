/// What can go wrong while telemetry is set up. *Value.*
///
/// Once a writer runs it never throws: a full disk stalls it, and shows as `LogWriter.isCongested` and `hasSpace`.
package struct TelemetryError: Error, Sendable, CustomStringConvertible {
    /// What kind of thing failed.
    package enum Code: Sendable, Hashable {
        case invalidOption
        case logDirectoryUnusable
        case resourcesExhausted
    }

    /// What kind of thing failed.
    package let code: Code
    /// What happened, in one sentence, naming the option or the path.
    package let message: String
    /// What the operator can do about it.
    package let remedy: String

    /// - Parameter message: one sentence that names the option or the path.
    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(message) (\(remedy))" }
}
