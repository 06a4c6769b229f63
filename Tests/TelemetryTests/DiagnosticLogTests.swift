import Synchronization
import Testing

@testable import Telemetry

@Suite struct DiagnosticLogTests {
    private func line(_ message: String, _ fields: LogFields = [:], suppressed: Int = 0) -> String {
        String(
            decoding: DiagnosticLine.format(.warn, message, fields, suppressed: suppressed, wall: 1_767_225_600_123_000_000), as: UTF8.self)
    }

    @Test func formatsOneLine() {
        #expect(line("text") == "2026-01-01T00:00:00.123Z WARN text\n")
        #expect(
            line("disk is full", ["path": "/x", "free": 12, "why": "a b", "empty": "", "eq": "k=v", "q": "\"\n"], suppressed: 3)
                == "2026-01-01T00:00:00.123Z WARN disk is full path=/x free=12 why=\"a b\" empty=\"\" eq=\"k=v\" q=\"\\\"\\n\" suppressed=3\n"
        )
    }

    @Test func nobodyCanForgeALine() {
        let forged = line("peer said x\r\n2026 ERROR y\u{1b}[2J", ["ehlo": "a\nb"])
        #expect(forged.utf8.filter { $0 < 0x20 } == [0x0a])
    }

    @Test(arguments: [1, 4_000, 4_096, 4_097, 5_000, 20_000])
    func boundsTheLine(_ length: Int) {
        for character in ["x", "é", "😀"] {
            let bytes = DiagnosticLine.format(
                .info, String(repeating: character, count: length), ["k": String(repeating: character, count: length)],
                suppressed: 0, wall: 0)
            #expect(bytes.count <= DiagnosticLine.maximumLength && bytes.last == 0x0a)
        }
    }

    @Test func tenASecondPassAndTheRestIsCounted() {
        let out = Mutex<[String]>([])
        let log = DiagnosticLog { bytes in out.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
        func emit(_ milliseconds: Int64) {
            log.emit(.error, "it failed", ["n": milliseconds], at: LogInstant(wall: 0, monotonic: milliseconds * 1_000_000))
        }
        for n in 0..<25 { emit(Int64(n)) }
        log.emit(.error, "another", [:], at: LogInstant(wall: 0, monotonic: 30_000_000))
        emit(999)
        #expect(out.withLock { $0.count } == 11)
        emit(1_000)
        #expect(out.withLock { $0.last } == "1970-01-01T00:00:00.000Z ERROR it failed n=1000 suppressed=16\n")
        emit(1_001)
        #expect(out.withLock { $0.last?.contains("suppressed") } == false)
    }

    @Test func theTableOfRepeatsIsBounded() {
        var limit = RepeatLimit(perSecond: 1, capacity: 3)
        for name in ["a", "b", "c"] { #expect(limit.admit(name, now: 0).isAdmitted) }
        #expect(!limit.admit("a", now: 1).isAdmitted)
        let decision = limit.admit("d", now: 2_000_000_000)
        #expect(decision.isAdmitted)
        #expect(decision.forgotten.map(\.message) == ["a"] && decision.forgotten.map(\.count) == [1])
        #expect(limit.admit("a", now: 2_000_000_001).suppressed == 0)
    }

    @Test func hasALevel() {
        #expect(LogLevel.allCases == LogLevel.allCases.sorted())
        Log.debug(
            "not seen at the default level",
            [
                "expensive": {
                    Issue.record("evaluated")
                    return "x"
                }()
            ])
    }
}
