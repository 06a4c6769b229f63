import Logging
import Synchronization
import Testing

@testable import Telemetry

/// What libraries log through swift-log.
@Suite struct LibraryLogTests {
    /// *Shared*: the lines that came.
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private func logger(_ lines: Lines) -> Logger {
        Logger(label: "http-client") { label in
            LibraryLog(library: label) { level, message, library, details in
                lines.all.withLock { $0.append("\(level.text) \(library): \(message) [\(details)]") }
            }
        }
    }

    @Test func linesNameTheLibraryAndWhatItKnows() {
        let lines = Lines()
        var logger = logger(lines)
        logger[metadataKey: "pool"] = "a"
        logger.error("gave up", metadata: ["host": "x.test", "pool": "b"])
        logger.warning("slow")
        logger.critical("gone")
        #expect(
            lines.all.withLock { $0 } == [
                "ERROR http-client: gave up [host=x.test pool=b]", "WARN http-client: slow [pool=a]", "ERROR http-client: gone [pool=a]",
            ])
    }

    @Test func noticesAreNotOurs() {
        let lines = Lines()
        var logger = logger(lines)
        for level in [Logger.Level.trace, .debug, .info, .notice] { logger.log(level: level, "chatter") }
        #expect(lines.all.withLock { $0.isEmpty })
        logger.logLevel = .info
        logger.debug("no")
        logger.notice("yes")
        #expect(lines.all.withLock { $0 } == ["INFO http-client: yes []"])
    }

    /// Handlers are values: one logger's facts are not another's.
    @Test func copiesAreApart() {
        let lines = Lines()
        var first = logger(lines)
        first[metadataKey: "only-on"] = "first"
        var second = first
        second.logLevel = .error
        second[metadataKey: "only-on"] = "second"
        #expect(first.logLevel == .warning && first[metadataKey: "only-on"] == "first")
        #expect(second.logLevel == .error && second[metadataKey: "only-on"] == "second")
    }
}
