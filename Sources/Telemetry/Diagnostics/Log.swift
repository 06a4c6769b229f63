import Glibc
internal import Synchronization

/// Structured facts beside a diagnostic message.
package typealias LogFields = KeyValuePairs<String, any CustomStringConvertible & Sendable>

/// How serious a diagnostic is. *Value.*
package enum LogLevel: UInt8, Sendable, Comparable, CaseIterable {
    case debug, info, warn, error

    /// As it stands in the line.
    package var text: String {
        switch self {
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warn: "WARN"
        case .error: "ERROR"
        }
    }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// Diagnostics of the process on stderr, one line each: `2026-01-01T00:00:00.123Z WARN text key=value`. *Shared.*
///
/// Not for accounting. Of one message (its text, without its fields) ten lines a second pass; the next line says how many did not.
package enum Log {
    private static let threshold = Atomic<UInt8>(LogLevel.info.rawValue)
    private static let standard = DiagnosticLog { bytes in
        _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }

    /// The least serious level that is written.
    package static var level: LogLevel {
        get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// For who looks for a fault.
    package static func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        emit(.debug, message, fields)
    }

    /// What an operator wants to know once.
    package static func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        emit(.info, message, fields)
    }

    /// What works, and should not stay as it is.
    package static func warn(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        emit(.warn, message, fields)
    }

    /// What does not work.
    package static func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        emit(.error, message, fields)
    }

    private static func emit(_ level: LogLevel, _ message: () -> String, _ fields: () -> LogFields) {
        guard level.rawValue >= threshold.load(ordering: .relaxed) else { return }
        standard.emit(level, message(), fields(), at: .now())
    }
}
