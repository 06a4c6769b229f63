package import Logging

/// *Value*: the swift-log backend: what libraries log goes into our own log, with the name of the library.
///
/// Only warnings and errors unless `logLevel` says otherwise: what a library finds worth a notice about each request is not ours to print.
package struct LibraryLog: LogHandler {
    /// Where a line goes: its level, its text, the library, and what is known beside it.
    package typealias Output = @Sendable (_ level: LogLevel, _ message: String, _ library: String, _ details: String) -> Void

    private let library: String
    private let output: Output
    /// What the library says of every line.
    package var metadata = Logger.Metadata()
    /// Lines below it are not asked for.
    package var logLevel = Logger.Level.warning

    /// - Parameter output: the diagnostics of the process when left out.
    package init(library: String, output: @escaping Output = Self.diagnostics) {
        self.library = library
        self.output = output
    }

    /// A logger to hand to a library.
    package static func logger(_ library: String) -> Logger { Logger(label: library) { Self(library: $0) } }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }
        let details = facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        output(Self.level(event.level), event.message.description, library, details)
    }

    private static func level(_ level: Logger.Level) -> LogLevel {
        switch level {
        case .trace, .debug: .debug
        case .info, .notice: .info
        case .warning: .warn
        case .error, .critical: .error
        }
    }

    /// Writes to the diagnostics of the process.
    package static let diagnostics: Output = { level, message, library, details in
        switch level {
        case .debug: Log.debug(message, ["library": library, "details": details])
        case .info: Log.info(message, ["library": library, "details": details])
        case .warn: Log.warn(message, ["library": library, "details": details])
        case .error: Log.error(message, ["library": library, "details": details])
        }
    }
}
