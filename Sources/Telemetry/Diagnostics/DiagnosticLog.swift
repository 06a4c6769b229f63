internal import JSON
import Platform
internal import Synchronization

/// Formats diagnostics, limits repetition and hands out whole lines. *Shared.*
final class DiagnosticLog: Sendable {
    private let repeats = Mutex(RepeatLimit(perSecond: 10, capacity: 512))
    private let output: @Sendable (UnsafeRawBufferPointer) -> Void

    init(output: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) { self.output = output }

    func emit(_ level: LogLevel, _ message: String, _ fields: LogFields, at now: LogInstant) {
        let decision = repeats.withLock { $0.admit(message, now: now.monotonic) }
        for forgotten in decision.forgotten {
            let line = DiagnosticLine.format(
                .warn, "message was repeated", ["message": forgotten.message], suppressed: forgotten.count, wall: now.wall)
            line.withUnsafeBytes(output)
        }
        guard decision.isAdmitted else { return }
        let line = DiagnosticLine.format(level, message, fields, suppressed: decision.suppressed, wall: now.wall)
        line.withUnsafeBytes(output)
    }
}

/// One diagnostic line. *Value.*
enum DiagnosticLine {
    /// Longest line, in bytes. A pipe takes up to 4096 in one piece, so lines of several processes do not mix.
    static let maximumLength = 4_096

    static func format(
        _ level: LogLevel, _ message: String, _ fields: LogFields, suppressed: Int, wall: Int64
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(160)
        UTCTime(unixNanoseconds: wall).appendRFC3339(digits: 3, to: &out)
        out.append(0x20)
        out.append(contentsOf: level.text.utf8)
        out.append(0x20)
        appendPlain(message, &out)
        for (key, value) in fields {
            out.append(0x20)
            appendPlain(key, &out)
            out.append(UInt8(ascii: "="))
            appendValue(value.description, &out)
        }
        if suppressed > 0 {
            out.append(contentsOf: " suppressed=".utf8)
            Decimal.append(suppressed, to: &out)
        }
        if out.count >= maximumLength {
            out.removeSubrange((maximumLength - 4)...)
            // Not in the middle of a character.
            while let last = out.last, last >= 0x80 { out.removeLast() }
            out.append(contentsOf: "...".utf8)
        }
        out.append(0x0a)
        return out
    }

    /// Text as it is, except that control characters become blanks: no peer can forge a line.
    private static func appendPlain(_ text: String, _ out: inout [UInt8]) {
        for byte in text.utf8.prefix(maximumLength) { out.append(byte < 0x20 || byte == 0x7f ? 0x20 : byte) }
    }

    /// A value as it is when it is one plain word, else as a JSON string.
    private static func appendValue(_ text: String, _ out: inout [UInt8]) {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte != 0x22 && byte != 0x3d && byte != 0x5c && byte != 0x7f
            }
        if isPlain {
            out.append(contentsOf: text.utf8.prefix(maximumLength))
        } else {
            JSONText.append(string: String(text.unicodeScalars.prefix(maximumLength)), to: &out)
        }
    }
}
